//! The image label with the processes: `org.hearth.processes`, a JSON object from names to command lines.

use crate::procfile::Processes;

/// Name of the label.
pub const PROCESSES_LABEL: &str = "org.hearth.processes";

/// Renders the value of the label. All characters of names and command lines except ASCII letters, digits and a few
/// punctuation marks are escaped as `\uXXXX`, so that no intermediate program expands, quotes or splits them.
pub fn render_label_value(processes: &Processes) -> String {
    let pairs: Vec<String> = processes
        .iter()
        .map(|(name, command)| format!("\"{}\":\"{}\"", escape_value(name), escape_value(command)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

/// Parses the value of the label; `None` when it is invalid.
pub fn parse_label_value(value: &str) -> Option<Processes> {
    serde_json::from_str(value).ok()
}

fn escape_value(text: &str) -> String {
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
    fn label_value_round_trips() {
        let hostile = "a \"b\" 'c' $(d) ${E} `f` \\ # % ä 𝄞 \t && { } <<EOF";
        let processes = Processes::from([("web".to_owned(), hostile.to_owned())]);
        let value = render_label_value(&processes);
        assert_eq!(parse_label_value(&value), Some(processes));
        let signs = value.trim_start_matches("{\"web\":\"").trim_end_matches("\"}");
        assert!(!signs.contains(['"', '$', '`', '\'', '#', '\n', '\t', '{']), "{value}");
    }

    #[test]
    fn invalid_label_is_not_parsed() {
        assert_eq!(parse_label_value("[1]"), None);
        assert_eq!(parse_label_value("{\"web\": 1}"), None);
    }
}
