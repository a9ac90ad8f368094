//! `Procfile`: a line `NAME: COMMAND` for each process.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};

/// Command lines by the name of the process. Names and commands have been checked: a command is one line
/// without control characters.
pub type Processes = BTreeMap<String, String>;

/// The most processes of one source.
const MOST: usize = 32;
/// The longest command line.
const LONGEST: usize = 4096;

/// Reads the text of a Procfile. All that is wrong is told at once, each with its line.
pub fn procfile(text: &str) -> Result<Processes> {
    let mut processes = Processes::new();
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match one(line) {
            Ok((name, _)) if processes.contains_key(name) => {
                wrong.push(format!("Procfile line {number}: there is a process {name} already"));
            }
            Ok((name, command)) => {
                processes.insert(name.to_owned(), command.to_owned());
            }
            Err(reason) => wrong.push(format!("Procfile line {number}: {reason}")),
        }
    }
    if wrong.is_empty() && processes.is_empty() {
        wrong.push("Procfile names no process".to_owned());
    }
    if processes.len() > MOST {
        wrong.push(format!("Procfile names {} processes, more than {MOST}", processes.len()));
    }
    let mut wrong = wrong.into_iter().take(20);
    match wrong.next() {
        None => Ok(processes),
        Some(first) => Err(wrong.fold(
            Error::invalid("procfile", first)
                .help("write a line for each process, as in web: gunicorn app:app"),
            |error, sentence| error.also(sentence),
        )),
    }
}

fn one(line: &str) -> Result<(&str, &str), String> {
    let Some((name, command)) = line.split_once(':') else {
        return Err("there is no NAME: before the command".to_owned());
    };
    let command = command.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > 52 || !name.bytes().all(fits) || name.starts_with('-') {
        let shown: String = name.chars().take(40).collect();
        return Err(format!("{shown:?} cannot name a process: 1 to 52 letters, digits, - and _"));
    }
    match command {
        "" => Err(format!("the process {name} has no command")),
        _ if command.len() > LONGEST => {
            Err(format!("the command of {name} is longer than {LONGEST} bytes: put it into a script"))
        }
        _ if command.ends_with('\\') => {
            Err(format!("the command of {name} goes on in the next line: a command is one line"))
        }
        _ if command.chars().any(|symbol| symbol.is_control() && symbol != '\t') => {
            Err(format!("the command of {name} holds control characters"))
        }
        _ => Ok((name, command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<String> {
        procfile(text).err().map_or_else(Vec::new, |error| error.sentences().map(str::to_owned).collect())
    }

    #[test]
    fn each_line_is_a_process() -> Result<()> {
        let read = procfile("# what runs\r\nweb: gunicorn app:app\r\n\r\nworker:  python3 work.py  \n")?;
        let read: Vec<_> = read.iter().map(|(name, command)| (name.as_str(), command.as_str())).collect();
        assert_eq!(read, [("web", "gunicorn app:app"), ("worker", "python3 work.py")]);
        Ok(())
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_line() {
        let told = sentences("web: a\nweb: b\nno colon\n../x: c\nempty:\nlong: a \\\n-r: x\nbell: \u{7}\n");
        let lines: Vec<_> = told.iter().filter_map(|sentence| sentence.split(':').next()).collect();
        let wanted = [2, 3, 4, 5, 6, 7, 8].map(|line| format!("Procfile line {line}"));
        assert_eq!(lines, wanted);
    }

    #[test]
    fn an_empty_one_names_no_process() {
        assert_eq!(sentences("\n# nothing\n"), ["Procfile names no process"]);
    }

    #[test]
    fn a_carriage_return_inside_a_command_is_refused() {
        assert_eq!(sentences("web: a\rRUN b\n").len(), 1);
    }
}
