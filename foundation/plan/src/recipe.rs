//! Steps, and the text of the Containerfile that they make.

use std::fmt::Write as _;

use hearth_base::{Error, Result};

use crate::{
    label::{PROCESSES_LABEL, label_value},
    procfile::Processes,
};

/// One step of a recipe. All of these texts are written in this crate: none comes from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A note for whoever reads the Containerfile.
    Note(&'static str),
    /// Sets a variable in the image.
    Env(&'static str, &'static str),
    /// Copies these files of the source into the working folder.
    Copy(Vec<&'static str>),
    /// Copies the whole source into the working folder.
    CopyAll,
    /// Runs a command line.
    Run(&'static str),
}

/// Where a source lies in its image.
const FOLDER: &str = "/app";

/// The text of a Containerfile.
pub fn text(from: &str, steps: &[Step], processes: &Processes) -> Result<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    if from.is_empty() || from.starts_with('-') || !from.bytes().all(fits) {
        return Err(Error::internal(format!("{from:?} cannot name an image")));
    }
    let mut text = format!("FROM {from}\nWORKDIR {FOLDER}\n");
    for step in steps {
        // Writing into memory does not fail.
        let _ = match step {
            Step::Note(note) => writeln!(text, "# {note}"),
            Step::Env(name, value) => writeln!(text, "ENV {name}={value}"),
            Step::Copy(files) => writeln!(text, "COPY {} ./", files.join(" ")),
            Step::CopyAll => writeln!(text, "COPY . ."),
            Step::Run(command) => writeln!(text, "RUN {command}"),
        };
    }
    if !processes.is_empty() {
        // Backslashes and quotation marks are all that needs an escape: see `label_value`.
        let value = label_value(processes).replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(text, "LABEL {PROCESSES_LABEL}=\"{value}\"");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_never_becomes_an_instruction() -> Result<()> {
        for command in ["a\nRUN b", "\"\nRUN b", "\\", "$(b)", "\" org.x=\"1", "#", "<<EOF", "\u{2028}RUN b"]
        {
            let processes = Processes::from([("web".to_owned(), command.to_owned())]);
            let text = text("base", &[Step::CopyAll], &processes)?;
            assert_eq!(text.lines().count(), 4, "{text}");
            let label = text.lines().last().unwrap_or_default();
            assert!(label.starts_with("LABEL org.hearth.processes=\"{") && label.ends_with("}\""), "{label}");
            // Every quotation mark inside is behind an odd number of backslashes.
            let inner = &label["LABEL org.hearth.processes=\"".len()..label.len() - 1];
            let mut backslashes = 0;
            for symbol in inner.chars() {
                assert!(symbol != '"' || backslashes % 2 == 1, "{label}");
                assert!(symbol != '$' && symbol != '`', "{label}");
                backslashes = if symbol == '\\' { backslashes + 1 } else { 0 };
            }
        }
        Ok(())
    }

    #[test]
    fn an_image_that_would_be_more_than_a_name_is_refused() {
        for from in ["", "a b", "a\nRUN b", "--platform=x", "a$b"] {
            assert!(text(from, &[], &Processes::new()).is_err(), "{from:?}");
        }
    }
}
