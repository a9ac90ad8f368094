//! Steps of a recipe, and their rendering as a Containerfile.

use std::fmt::Write as _;

use hearth_base::{Error, Result};

use crate::{
    label::{PROCESSES_LABEL, render_label_value},
    procfile::Processes,
};

/// A step of a recipe. All texts are constants of this crate: none comes from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeStep {
    /// A comment.
    Note(&'static str),
    /// Sets an environment variable of the image.
    Env(&'static str, &'static str),
    /// Copies these files of the source into the working folder.
    Copy(Vec<&'static str>),
    /// Copies the whole source into the working folder.
    CopyAll,
    /// Runs a command line.
    Run(&'static str),
}

/// Working directory of the image, which contains the source.
const IMAGE_WORKDIR: &str = "/app";

/// Renders a Containerfile on the base image `from`. An invalid image name is an internal error.
pub fn render_containerfile(from: &str, steps: &[RecipeStep], processes: &Processes) -> Result<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    if from.is_empty() || from.starts_with('-') || !from.bytes().all(fits) {
        return Err(Error::internal(format!("invalid image name: {from:?}")));
    }
    let mut text = format!("FROM {from}\nWORKDIR {IMAGE_WORKDIR}\n");
    for step in steps {
        // Writing into memory does not fail.
        let _ = match step {
            RecipeStep::Note(note) => writeln!(text, "# {note}"),
            RecipeStep::Env(name, value) => writeln!(text, "ENV {name}={value}"),
            RecipeStep::Copy(files) => writeln!(text, "COPY {} ./", files.join(" ")),
            RecipeStep::CopyAll => writeln!(text, "COPY . ."),
            RecipeStep::Run(command) => writeln!(text, "RUN {command}"),
        };
    }
    if !processes.is_empty() {
        // Only backslashes and quotation marks need escaping: `render_label_value` has escaped all other characters.
        let value = render_label_value(processes).replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(text, "LABEL {PROCESSES_LABEL}=\"{value}\"");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_never_becomes_an_instruction() -> Result<()> {
        for command in ["a\nRUN b", "\"\nRUN b", "\\", "$(b)", "\" org.x=\"1", "#", "<<EOF", "\u{2028}RUN b"]
        {
            let processes = Processes::from([("web".to_owned(), command.to_owned())]);
            let text = render_containerfile("base", &[RecipeStep::CopyAll], &processes)?;
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
    fn invalid_base_image_name_is_refused() {
        for from in ["", "a b", "a\nRUN b", "--platform=x", "a$b"] {
            assert!(render_containerfile(from, &[], &Processes::new()).is_err(), "{from:?}");
        }
    }
}
