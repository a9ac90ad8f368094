//! `hearth`, as somebody types it.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use hearth_base::{Error, Result, Secret};
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

use crate::{Hearth, Person, program};

/// Somebody's terminal: a folder in a home of its own, the server and a token in the environment, and no terminal.
pub struct Keyboard {
    home: TempDir,
    url: String,
    token: Secret,
}

/// The folder in the home that commands are typed in: a home itself is no tool's.
const FOLDER: &str = "work";

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The status that it ended with; none when a signal ended it.
    pub status: Option<i32>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Person {
    /// A terminal at which they have a token with all their rights.
    pub async fn keyboard(&self, hearth: &Hearth) -> Result<Keyboard> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        std::fs::create_dir(home.path().join(FOLDER)).map_err(Error::internal)?;
        Ok(Keyboard { home, url: hearth.url().to_owned(), token: self.token(&[]).await? })
    }
}

impl Keyboard {
    /// Types `hearth` and these words.
    pub async fn types(&self, words: &[&str]) -> Result<Printed> {
        self.types_in(&self.home.path().join(FOLDER), words).await
    }

    /// The same in another folder.
    pub async fn types_in(&self, folder: &Path, words: &[&str]) -> Result<Printed> {
        printed(self.command(words)?.current_dir(folder).output().await)
    }

    /// As [`Keyboard::types`], for what has to succeed; what it prints.
    pub async fn done(&self, words: &[&str]) -> Result<String> {
        let Printed { status, out, err } = self.types(words).await?;
        if status == Some(0) {
            return Ok(out);
        }
        Err(Error::internal(format!("hearth {} ended with {status:?}:\n{out}\n{err}", words.join(" "))))
    }

    /// Begins a command that goes on: it ends with the value. Its output can be read.
    pub fn begins(&self, words: &[&str]) -> Result<Child> {
        self.command(words)?.spawn().map_err(Error::internal)
    }

    /// Types a command and then `input`, to its end.
    pub async fn given(&self, words: &[&str], input: &str) -> Result<Printed> {
        let mut child = self.command(words)?.stdin(Stdio::piped()).spawn().map_err(Error::internal)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await.map_err(Error::internal)?;
        }
        printed(child.wait_with_output().await)
    }

    /// The program `hearth` with these words, as it is typed.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("hearth")?);
        command
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("HEARTH_SERVER", &self.url)
            .env("HEARTH_TOKEN", self.token.reveal())
            .current_dir(self.home.path().join(FOLDER))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }
}

fn printed(output: std::io::Result<Output>) -> Result<Printed> {
    let output = output.map_err(Error::internal)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Printed { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}
