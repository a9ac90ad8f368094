//! Questions to whoever typed the command. Where nobody can answer, none is asked: the flag that would have
//! answered is named instead.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use hearth_base::{Error, Result, Secret};

use crate::{exit, trouble::why};

/// Asks, where there is somebody to ask.
#[derive(Debug)]
pub struct Ask {
    silent_because: Option<&'static str>,
    waits: AtomicBool,
}

impl Ask {
    /// Whether to ask at all: not with `--yes`, not where `CI` is set, and only at a terminal.
    pub fn new(yes: bool, ci: bool, seen: bool) -> Self {
        let silent_because = if yes {
            Some("Nothing is asked, because of --yes.")
        } else if ci {
            Some("Nothing is asked, because CI is set.")
        } else if !seen || !io::stdin().is_terminal() {
            Some("Nothing is asked, because there is no terminal.")
        } else {
            None
        };
        Self { silent_because, waits: AtomicBool::new(false) }
    }

    /// The refusal that stands in for a question: what is `missing`, and the command that says it.
    fn refused(&self, missing: &str, command: &str) -> Option<Error> {
        let because = self.silent_because?;
        Some(Error::invalid("cannot-ask", format!("{missing} is missing")).also(because).help(command))
    }

    /// A line of text.
    pub async fn line(&self, question: &str, missing: &str, command: &str) -> Result<String> {
        match self.refused(missing, command) {
            Some(error) => Err(error),
            None => {
                prompt(question);
                self.waits.store(true, Ordering::Relaxed);
                let line = line_of_input().await;
                self.waits.store(false, Ordering::Relaxed);
                line
            }
        }
    }

    /// A line of text that is not shown while it is typed.
    ///
    /// The question blocks this thread on purpose: it gives the terminal back as it was before Ctrl-C ends the
    /// program.
    pub fn hidden(&self, question: &str, missing: &str, command: &str) -> Result<Secret> {
        if let Some(error) = self.refused(missing, command) {
            return Err(error);
        }
        match rpassword::prompt_password(question) {
            Ok(text) => Ok(Secret::new(text)),
            Err(cause) => Err(match cause.kind() {
                io::ErrorKind::Interrupted => exit::interrupted("nothing was changed"),
                io::ErrorKind::UnexpectedEof => no_answer(),
                _ => Error::invalid("cannot-ask", format!("{missing} cannot be asked here: {}", why(&cause)))
                    .help(command),
            }),
        }
    }

    /// Whether a question waits for its answer.
    pub fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Whether anything is asked.
    pub fn is_silent(&self) -> Option<&'static str> {
        self.silent_because
    }
}

/// The first line of standard input, for the `--…-stdin` flags. Somebody who types it does not see it.
pub async fn secret_from_input(flag: &str) -> Result<Secret> {
    if io::stdin().is_terminal() {
        let typed = Ask::new(false, false, true);
        return typed.hidden(&format!("{flag}: "), "the secret", "hearth login -h");
    }
    let line = line_of_input().await?;
    if line.is_empty() {
        return Err(Error::invalid("empty-input", format!("{flag}: standard input is empty")));
    }
    Ok(Secret::new(line))
}

/// Whether somebody types what comes on standard input.
pub fn is_typed() -> bool {
    io::stdin().is_terminal()
}

/// All of standard input without its last line's end; `None` when there is nothing.
pub async fn all_input() -> Result<Option<Secret>> {
    let read = tokio::task::spawn_blocking(|| io::read_to_string(io::stdin().lock()));
    match read.await.map_err(Error::internal)? {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(Secret::new(without_last_end(&text)))),
        Err(cause) => Err(unreadable(&cause)),
    }
}

/// `text` without the line end that editors and `echo` put behind it.
pub fn without_last_end(text: &str) -> String {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text).to_owned()
}

/// Reading waits on a thread of its own, so that Ctrl-C is heard meanwhile.
async fn line_of_input() -> Result<String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|count| (count > 0).then_some(line))
    });
    match read.await.map_err(Error::internal)? {
        Ok(Some(line)) => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
        Ok(None) => Err(no_answer()),
        Err(cause) => Err(unreadable(&cause)),
    }
}

fn unreadable(cause: &io::Error) -> Error {
    Error::invalid("input", format!("standard input cannot be read: {}", why(cause)))
}

fn no_answer() -> Error {
    Error::invalid("no-answer", "standard input ended before the answer")
}

fn prompt(question: &str) {
    let mut stream = io::stderr().lock();
    let _nobody_is_there = write!(stream, "{question}").and_then(|()| stream.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_can_answer_the_flag_is_named() {
        for (yes, ci, seen, because) in
            [(true, false, true, "--yes"), (false, true, true, "CI"), (false, false, false, "terminal")]
        {
            let error = Ask::new(yes, ci, seen).hidden("Password: ", "the password", "hearth login X").err();
            let error = error.as_ref();
            assert_eq!(error.map(|error| error.public()), Some("the password is missing"));
            assert_eq!(error.and_then(|error| error.next()), Some("hearth login X"));
            assert!(error.is_some_and(|error| error.sentences().any(|line| line.contains(because))));
        }
    }
}
