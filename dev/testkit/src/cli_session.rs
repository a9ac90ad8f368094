//! Runs `hearth` as a user does.

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

use crate::{Hearth, MailServer, Person, people::TEST_PASSWORD, program_path, wait_until};

/// A user's session of `hearth`: a home folder, and the server and a credential in the environment. Commands
/// have no terminal.
pub struct CliSession {
    home: TempDir,
    url: String,
    credential: Secret,
}

/// The folder below the home in which commands run, because a home itself is never the folder of a tool.
const WORK_FOLDER: &str = "work";

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutput {
    /// The exit status; none if a signal ended the command.
    pub status: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Person {
    /// Opens a session with a token that has all scopes of this person.
    pub async fn open_cli_session(&self, hearth: &Hearth) -> Result<CliSession> {
        CliSession::open(hearth, self.create_token(&[]).await?)
    }

    /// Sets this person's mail address with `hearth` and the password, and enters the code that is mailed to it. No
    /// other mail may arrive meanwhile.
    pub async fn confirm_mail_address(
        &self,
        hearth: &Hearth,
        server: &MailServer,
        address: &str,
    ) -> Result<()> {
        let cli = self.open_cli_session(hearth).await?;
        let former = server.read_mails()?.len();
        let words = ["notify", "email", address, "--password-stdin"];
        require_success(&words, cli.run_with_input(&words, TEST_PASSWORD).await?)?;
        let mail =
            wait_until("the code arrives", async || Ok(server.read_mails()?.into_iter().nth(former))).await?;
        let code = mail.split("and enter the code").nth(1).and_then(|rest| rest.split_whitespace().next());
        let words = ["notify", "email", "--code-stdin"];
        require_success(&words, cli.run_with_input(&words, code.unwrap_or_default()).await?)?;
        Ok(())
    }
}

impl CliSession {
    fn open(hearth: &Hearth, credential: Secret) -> Result<Self> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        std::fs::create_dir(home.path().join(WORK_FOLDER)).map_err(Error::internal)?;
        Ok(Self { home, url: hearth.url().to_owned(), credential })
    }

    /// Runs `hearth` with these arguments.
    pub async fn run(&self, arguments: &[&str]) -> Result<CommandOutput> {
        self.run_in_folder(&self.home.path().join(WORK_FOLDER), arguments).await
    }

    /// Runs `hearth` in another folder.
    pub async fn run_in_folder(&self, folder: &Path, arguments: &[&str]) -> Result<CommandOutput> {
        read_output(self.build_command(arguments)?.current_dir(folder).output().await)
    }

    /// Runs `hearth` and returns standard output. Fails if the exit status is not 0.
    pub async fn run_successfully(&self, arguments: &[&str]) -> Result<String> {
        require_success(arguments, self.run(arguments).await?)
    }

    /// Starts a command and returns the process, which is killed when the value is dropped. Its output can be
    /// read.
    pub fn spawn_command(&self, arguments: &[&str]) -> Result<Child> {
        self.build_command(arguments)?.spawn().map_err(Error::internal)
    }

    /// Runs a command with this standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<CommandOutput> {
        let mut child =
            self.build_command(arguments)?.stdin(Stdio::piped()).spawn().map_err(Error::internal)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await.map_err(Error::internal)?;
        }
        read_output(child.wait_with_output().await)
    }

    /// Builds the command `hearth` with these arguments.
    pub fn build_command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program_path("hearth")?);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("HEARTH_SERVER", &self.url)
            .env("HEARTH_TOKEN", self.credential.expose_secret())
            .current_dir(self.home.path().join(WORK_FOLDER))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }
}

/// Returns standard output. Fails if the exit status is not 0.
fn require_success(arguments: &[&str], output: CommandOutput) -> Result<String> {
    let CommandOutput { status, out, err } = output;
    if status == Some(0) {
        return Ok(out);
    }
    Err(Error::internal(format!("hearth {} ended with {status:?}:\n{out}\n{err}", arguments.join(" "))))
}

fn read_output(output: std::io::Result<Output>) -> Result<CommandOutput> {
    let output = output.map_err(Error::internal)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(CommandOutput { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}
