//! Toolforge's published clients, unmodified, against a Hearth. The tests run every command and every flag;
//! `help_options` checks that none is missing.

mod build;
mod components;
mod envvars;
mod help_options;
mod jobs;
mod logs;

use std::{
    io::Read,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use hearth_base::{Result, ToolName};
use hearth_testkit::{CommandOutput, Hearth, Person, program_path};
use hearth_wire::tools::ToolCreate;
use tempfile::TempDir;

use self::help_options::UsedOptions;
use crate::python;

/// The releases that the tests use.
const CLIENT_PACKAGES: &[&str] = &[
    "toolforge-cli==0.3.4",
    "toolforge-builds-cli==0.0.24",
    "toolforge-envvars-cli==0.0.15",
    "toolforge-jobs-cli==16.2.3",
];

/// The oldest release of the builds client that speaks the protocol of the reference document.
const OLDEST_BUILDS_CLIENT: &[&str] = &["toolforge-cli==0.3.4", "toolforge-builds-cli==0.0.17"];

/// The newest releases, which require a newer Python.
const NEWEST_CLIENTS: &[&str] = &[
    "toolforge-cli==0.3.4",
    "toolforge-builds-cli==0.0.29",
    "toolforge-components-cli==0.0.21",
    "toolforge-envvars-cli==0.0.16",
    "toolforge-jobs-cli==16.2.3",
    "toolforge-logs-cli==0.0.5",
    "toolforge-weld==1.6.15",
];

/// Installs the clients and returns the folder with their programs.
fn programs_folder() -> PathBuf {
    python::install_environment("published-clients", CLIENT_PACKAGES)
}

/// A maintainer with the published clients and their credential file, in a home folder of their own.
pub struct Terminal {
    home: Arc<TempDir>,
    programs_folder: PathBuf,
    url: String,
    used_options: UsedOptions,
}

impl Terminal {
    /// Creates a tool of `person` and its credential file with `hearth tool kubeconfig`, as users of the
    /// client do.
    pub async fn open(hearth: &Hearth, person: &Person, tool: &str) -> Result<Self> {
        let name: ToolName = tool.parse()?;
        person.client.tools().create(&ToolCreate { name, description: String::new() }).await?;
        let token = person.create_token(&[]).await?;
        let home = tempfile::tempdir().unwrap();
        let made = Command::new(program_path("hearth")?)
            .args(["tool", "kubeconfig", tool, "--output"])
            .arg(home.path().join("kubeconfig"))
            .env("HOME", home.path())
            .env("HEARTH_SERVER", hearth.url())
            .env("HEARTH_TOKEN", token.expose_secret())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (home, used_options) = (Arc::new(home), UsedOptions::default());
        Ok(Self { programs_folder: programs_folder(), home, url: hearth.url().to_owned(), used_options })
    }

    /// Returns the same maintainer with the programs of another folder.
    pub fn with_programs(&self, bin: PathBuf) -> Self {
        Self {
            home: self.home.clone(),
            programs_folder: bin,
            url: self.url.clone(),
            used_options: UsedOptions::default(),
        }
    }

    /// Returns the same maintainer with the oldest builds client.
    pub fn with_oldest_builds_client(&self) -> Self {
        self.with_programs(python::install_environment("oldest-builds-client", OLDEST_BUILDS_CLIENT))
    }

    /// Returns the same maintainer with the newest releases.
    pub fn with_newest_clients(&self) -> Self {
        self.with_programs(python::install_newer_environment("newest-clients", NEWEST_CLIENTS))
    }

    /// The path of a file in the home folder.
    pub fn file_path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Starts `toolforge` with these words, in its own process group as a shell does.
    pub fn spawn_command(&self, words: &[&str]) -> RunningCommand {
        self.used_options.record_command(words);
        // The parent of the tests may ignore SIGINT, and processes inherit that.
        let child = Command::new("env")
            .arg("--default-signal=INT")
            .arg(self.programs_folder.join("toolforge"))
            .args(words)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.programs_folder.display()))
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("TOOL_TOOLFORGE_API_URL", &self.url)
            // Without buffering each line arrives at once, as on a terminal.
            .env("PYTHONUNBUFFERED", "1")
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        RunningCommand { words: words.join(" "), child: child.unwrap() }
    }

    /// Runs `toolforge` with these words and returns its output.
    pub fn run_toolforge(&self, words: &[&str]) -> CommandOutput {
        self.spawn_command(words).wait_for_end()
    }

    /// Runs `toolforge`, requires success and returns standard output.
    pub fn run_successfully(&self, words: &[&str]) -> String {
        self.spawn_command(words).wait_for_success()
    }

    /// Runs several commands concurrently, requires success and returns the standard output of each.
    pub fn run_all_successfully(&self, commands: &[&[&str]]) -> Vec<String> {
        let running: Vec<RunningCommand> = commands.iter().map(|words| self.spawn_command(words)).collect();
        running.into_iter().map(RunningCommand::wait_for_success).collect()
    }
}

/// A running command.
pub struct RunningCommand {
    words: String,
    child: Child,
}

impl RunningCommand {
    /// Waits for the end and returns the output.
    pub fn wait_for_end(self) -> CommandOutput {
        let Output { status, stdout, stderr } = self.child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        CommandOutput { status: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// Waits for the end, requires success and returns standard output.
    pub fn wait_for_success(self) -> String {
        let words = self.words.clone();
        let CommandOutput { status, out, err } = self.wait_for_end();
        assert_eq!(status, Some(0), "toolforge {words}\n{out}\n{err}");
        out
    }

    /// Waits for the next lines of standard output.
    pub fn read_lines(&mut self, count: usize) -> Vec<String> {
        let out = self.child.stdout.as_mut().unwrap();
        (0..count).map(|_| read_line(out)).collect()
    }

    /// Sends SIGINT, as Ctrl-C does, and waits for the end.
    pub fn interrupt_and_wait(self) -> CommandOutput {
        let group = format!("-{}", self.child.id());
        let signalled = Command::new("kill").args(["-INT", "--", &group]).status();
        assert!(signalled.is_ok_and(|status| status.success()), "SIGINT was not delivered: {}", self.words);
        self.wait_for_end()
    }
}

/// Reads one line without reading ahead.
fn read_line(out: &mut impl Read) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while out.read_exact(&mut byte).is_ok() && byte != *b"\n" {
        line.extend(byte);
    }
    String::from_utf8(line).unwrap()
}
