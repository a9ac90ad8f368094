//! Questions to the user at a terminal. Without a terminal, with `CI` or with `--yes` no question is asked:
//! the error names the flag that replaces the answer.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use hearth_base::{Error, Result, Secret};

use crate::{exit, io_error::describe_io_error};

/// Asks questions at a terminal, and refuses with the missing flag elsewhere.
#[derive(Debug)]
pub struct Prompter {
    silence_reason: Option<&'static str>,
    is_waiting: AtomicBool,
}

impl Prompter {
    /// Creates a prompter. It asks only at a terminal, without `--yes` and without `CI`.
    pub fn new(yes: bool, ci: bool, is_visible: bool) -> Self {
        let silent_because = if yes {
            Some("hearth asks no questions with --yes.")
        } else if ci {
            Some("hearth asks no questions when CI is set.")
        } else if !is_visible || !io::stdin().is_terminal() {
            Some("hearth asks no questions without a terminal.")
        } else {
            None
        };
        Self { silence_reason: silent_because, is_waiting: AtomicBool::new(false) }
    }

    /// Builds the error that replaces a question: it names the `missing` value and the `command` that gives
    /// it.
    fn refuse_without_terminal(&self, missing: &str, command: &str) -> Option<Error> {
        let reason = self.silence_reason?;
        Some(Error::invalid("cannot-ask", format!("{missing} is missing")).and_message(reason).help(command))
    }

    /// Asks for a line of text.
    pub async fn ask_line(&self, question: &str, missing: &str, command: &str) -> Result<String> {
        match self.refuse_without_terminal(missing, command) {
            Some(error) => Err(error),
            None => {
                print_prompt(question);
                self.is_waiting.store(true, Ordering::Relaxed);
                let line = read_stdin_line().await;
                self.is_waiting.store(false, Ordering::Relaxed);
                line
            }
        }
    }

    /// Asks for a line of text without echo.
    ///
    /// The call blocks this thread on purpose, so that the terminal's echo is restored before Ctrl-C ends the
    /// program.
    pub fn ask_secret(&self, question: &str, missing: &str, command: &str) -> Result<Secret> {
        if let Some(error) = self.refuse_without_terminal(missing, command) {
            return Err(error);
        }
        match rpassword::prompt_password(question) {
            Ok(text) => Ok(Secret::new(text)),
            Err(cause) => Err(match cause.kind() {
                io::ErrorKind::Interrupted => exit::build_interrupted_error("nothing was changed"),
                io::ErrorKind::UnexpectedEof => build_no_answer_error(),
                _ => Error::invalid(
                    "cannot-ask",
                    format!("{missing} cannot be read from the terminal: {}", describe_io_error(&cause)),
                )
                .help(command),
            }),
        }
    }

    /// Returns true while a question waits for its answer.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Relaxed)
    }

    /// Returns the reason for which no question is asked, or `None` where questions are asked.
    pub fn silence_reason(&self) -> Option<&'static str> {
        self.silence_reason
    }
}

/// Reads the first line of standard input, for the `--…-stdin` flags. At a terminal it is read without echo.
pub async fn read_secret_from_stdin(flag: &str) -> Result<Secret> {
    if io::stdin().is_terminal() {
        let typed = Prompter::new(false, false, true);
        let secret = flag.trim_start_matches("--").trim_end_matches("-stdin");
        return typed.ask_secret(
            &format!("Enter the {secret}: "),
            &format!("the {secret} ({flag})"),
            "hearth -h",
        );
    }
    let line = read_stdin_line().await?;
    if line.is_empty() {
        return Err(Error::invalid("empty-input", format!("{flag}: standard input is empty")));
    }
    Ok(Secret::new(line))
}

/// Returns true when standard input is a terminal.
pub fn is_stdin_a_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Reads all of standard input without its last line end; `None` when it is empty.
pub async fn read_stdin() -> Result<Option<Secret>> {
    let read = tokio::task::spawn_blocking(|| io::read_to_string(io::stdin().lock()));
    match read.await.map_err(Error::internal)? {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(Secret::new(strip_line_end(&text)))),
        Err(cause) => Err(build_stdin_error(&cause)),
    }
}

/// Removes the line end that editors and `echo` append to `text`.
pub fn strip_line_end(text: &str) -> String {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text).to_owned()
}

/// Reads one line on a blocking thread, so that Ctrl-C is handled meanwhile.
async fn read_stdin_line() -> Result<String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|count| (count > 0).then_some(line))
    });
    match read.await.map_err(Error::internal)? {
        Ok(Some(line)) => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
        Ok(None) => Err(build_no_answer_error()),
        Err(cause) => Err(build_stdin_error(&cause)),
    }
}

fn build_stdin_error(cause: &io::Error) -> Error {
    Error::invalid("input", format!("standard input cannot be read: {}", describe_io_error(cause)))
}

fn build_no_answer_error() -> Error {
    Error::invalid("no-answer", "standard input ended before the answer")
}

fn print_prompt(question: &str) {
    let mut stream = io::stderr().lock();
    let _stderr_is_closed = write!(stream, "{question}").and_then(|()| stream.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_without_a_terminal_names_the_missing_flag() {
        for (yes, ci, seen, because) in
            [(true, false, true, "--yes"), (false, true, true, "CI"), (false, false, false, "terminal")]
        {
            let error =
                Prompter::new(yes, ci, seen).ask_secret("Password: ", "the password", "hearth login X").err();
            let error = error.as_ref();
            assert_eq!(error.map(|error| error.public_message()), Some("the password is missing"));
            assert_eq!(error.and_then(|error| error.help_text()), Some("hearth login X"));
            assert!(error.is_some_and(|error| error.public_messages().any(|line| line.contains(because))));
        }
    }
}
