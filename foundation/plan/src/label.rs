//! The label that carries an image's processes: `org.hearth.processes`, a JSON object from names to command
//! lines.

use crate::procfile::Processes;

/// The label's name.
pub const PROCESSES_LABEL: &str = "org.hearth.processes";

/// The label's value. Of the command lines, everything but plain letters, digits and a few signs is written as
/// `\uXXXX`, so that no program on the way finds anything to expand, to quote or to end a line with.
pub fn label_value(processes: &Processes) -> String {
    let pairs: Vec<String> = processes
        .iter()
        .map(|(name, command)| format!("\"{}\":\"{}\"", quiet(name), quiet(command)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

/// Reads the label's value; `None` when it is not one.
pub fn processes_of(value: &str) -> Option<Processes> {
    serde_json::from_str(value).ok()
}

fn quiet(text: &str) -> String {
    let mut quiet = String::with_capacity(text.len());
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() || b" -_./:=,@+".contains(&byte) => {
                quiet.push(byte.into())
            }
            _ => quiet.push_str(&format!("\\u{unit:04x}")),
        }
    }
    quiet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let hostile = "a \"b\" 'c' $(d) ${E} `f` \\ # % ä 𝄞 \t && { } <<EOF";
        let processes = Processes::from([("web".to_owned(), hostile.to_owned())]);
        let value = label_value(&processes);
        assert_eq!(processes_of(&value), Some(processes));
        let signs = value.trim_start_matches("{\"web\":\"").trim_end_matches("\"}");
        assert!(!signs.contains(['"', '$', '`', '\'', '#', '\n', '\t', '{']), "{value}");
    }

    #[test]
    fn another_label_is_not_read() {
        assert_eq!(processes_of("[1]"), None);
        assert_eq!(processes_of("{\"web\": 1}"), None);
    }
}
