//! Parser of `Procfile`: a line `NAME: COMMAND` for each process.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};

/// Command lines by process name. Both are validated: a command is one line without control characters.
pub type Processes = BTreeMap<String, String>;

/// Maximum number of processes of a source.
const MAX_PROCESSES: usize = 32;
/// Maximum length of a command line in bytes.
pub const MAX_COMMAND_BYTES: usize = 4096;

/// Parses the text of a Procfile. Error `procfile` (invalid) contains every problem with its line.
pub fn parse_procfile(text: &str) -> Result<Processes> {
    let mut processes = Processes::new();
    let mut errors = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match parse_line(line) {
            Ok((name, _)) if processes.contains_key(name) => {
                errors.push(format!("Procfile line {number}: the process {name} is declared twice"));
            }
            Ok((name, command)) => {
                processes.insert(name.to_owned(), command.to_owned());
            }
            Err(reason) => errors.push(format!("Procfile line {number}: {reason}")),
        }
    }
    if errors.is_empty() && processes.is_empty() {
        errors.push("Procfile declares no process".to_owned());
    }
    if processes.len() > MAX_PROCESSES {
        errors.push(format!("Procfile declares {} processes; at most {MAX_PROCESSES}", processes.len()));
    }
    let mut errors = errors.into_iter().take(20);
    match errors.next() {
        None => Ok(processes),
        Some(first) => Err(errors.fold(
            Error::invalid("procfile", first)
                .help("write a line for each process, as in web: gunicorn app:app"),
            |error, sentence| error.and_message(sentence),
        )),
    }
}

fn parse_line(line: &str) -> Result<(&str, &str), String> {
    let Some((name, command)) = line.split_once(':') else {
        return Err("NAME: is missing before the command".to_owned());
    };
    let command = command.trim();
    check_process(name, command)?;
    Ok((name, command))
}

/// Checks the name and the command line of a process. The error is a sentence.
pub fn check_process(name: &str, command: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > 52 || !name.bytes().all(fits) || name.starts_with('-') {
        let shown: String = name.chars().take(40).collect();
        return Err(format!("invalid process name {shown:?}; 1 to 52 letters, digits, - and _"));
    }
    match command {
        "" => Err(format!("the process {name} has no command")),
        _ if command.len() > MAX_COMMAND_BYTES => Err(format!(
            "the command of {name} is longer than {MAX_COMMAND_BYTES} bytes: put it into a script"
        )),
        _ if command.ends_with('\\') => {
            Err(format!("the command of {name} continues on the next line; a command is one line"))
        }
        _ if command.chars().any(|symbol| symbol.is_control() && symbol != '\t') => {
            Err(format!("the command of {name} contains control characters"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_error_sentences(text: &str) -> Vec<String> {
        parse_procfile(text)
            .err()
            .map_or_else(Vec::new, |error| error.public_messages().map(str::to_owned).collect())
    }

    #[test]
    fn each_line_is_a_process() -> Result<()> {
        let read =
            parse_procfile("# what runs\r\nweb: gunicorn app:app\r\n\r\nworker:  python3 work.py  \n")?;
        let read: Vec<_> = read.iter().map(|(name, command)| (name.as_str(), command.as_str())).collect();
        assert_eq!(read, [("web", "gunicorn app:app"), ("worker", "python3 work.py")]);
        Ok(())
    }

    #[test]
    fn every_error_names_its_line() {
        let sentences = read_error_sentences(
            "web: a\nweb: b\nno colon\n../x: c\nempty:\nlong: a \\\n-r: x\nbell: \u{7}\n",
        );
        let lines: Vec<_> = sentences.iter().filter_map(|sentence| sentence.split(':').next()).collect();
        let wanted = [2, 3, 4, 5, 6, 7, 8].map(|line| format!("Procfile line {line}"));
        assert_eq!(lines, wanted);
    }

    #[test]
    fn empty_procfile_names_no_process() {
        assert_eq!(read_error_sentences("\n# nothing\n"), ["Procfile declares no process"]);
    }

    #[test]
    fn a_carriage_return_inside_a_command_is_refused() {
        assert_eq!(read_error_sentences("web: a\rRUN b\n").len(), 1);
    }
}
