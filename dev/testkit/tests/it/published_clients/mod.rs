//! Toolforge's published clients, unmodified, against a Hearth. They are the first to say whether its API is
//! what it says it is: every command and every flag that they have is typed here, which `offered` proves.

mod build;
mod envvars;
mod jobs;
mod logs;
mod offered;

use std::{
    io::Read,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use hearth_base::{Result, ToolName};
use hearth_testkit::{Hearth, Person, Printed, program};
use hearth_wire::tools::ToolCreate;
use tempfile::TempDir;

use self::offered::Typed;
use crate::python;

/// The releases that Hearth is held against.
const CLIENTS: &[&str] = &[
    "toolforge-cli==0.3.4",
    "toolforge-builds-cli==0.0.24",
    "toolforge-envvars-cli==0.0.15",
    "toolforge-jobs-cli==16.2.3",
];

/// The newest releases, which need a newer Python than the others.
const NEWEST_CLIENTS: &[&str] = &[
    "toolforge-cli==0.3.4",
    "toolforge-builds-cli==0.0.29",
    "toolforge-envvars-cli==0.0.16",
    "toolforge-jobs-cli==16.2.3",
    "toolforge-logs-cli==0.0.5",
    "toolforge-weld==1.6.15",
];

/// The folder with the clients' programs.
fn programs() -> PathBuf {
    python::environment("published-clients", CLIENTS)
}

/// A maintainer at a terminal, with the published clients and the file by which they enter.
pub struct Terminal {
    home: Arc<TempDir>,
    bin: PathBuf,
    url: String,
    typed: Typed,
}

impl Terminal {
    /// Makes a tool of `person`'s, and enters it as the client's users do: with `hearth tool kubeconfig`.
    pub async fn open(hearth: &Hearth, person: &Person, tool: &str) -> Result<Self> {
        let name: ToolName = tool.parse()?;
        person.client.tools().create(&ToolCreate { name, description: String::new() }).await?;
        let token = person.token(&[]).await?;
        let home = tempfile::tempdir().unwrap();
        let made = Command::new(program("hearth")?)
            .args(["tool", "kubeconfig", tool, "--output"])
            .arg(home.path().join("kubeconfig"))
            .env("HOME", home.path())
            .env("HEARTH_SERVER", hearth.url())
            .env("HEARTH_TOKEN", token.reveal())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (home, typed) = (Arc::new(home), Typed::default());
        Ok(Self { bin: programs(), home, url: hearth.url().to_owned(), typed })
    }

    /// The same maintainer with the programs of another folder.
    pub fn with_programs(&self, bin: PathBuf) -> Self {
        Self { home: self.home.clone(), bin, url: self.url.clone(), typed: Typed::default() }
    }

    /// The same maintainer with the newest releases.
    pub fn with_newest_clients(&self) -> Self {
        self.with_programs(python::newer_environment("newest-clients", NEWEST_CLIENTS))
    }

    /// A file of this name in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Types `toolforge` and these words, in a process group of its own as a shell does.
    pub fn begins(&self, words: &[&str]) -> Begun {
        self.typed.note(words);
        // Whoever starts the tests may have it that an interruption is ignored.
        let child = Command::new("env")
            .arg("--default-signal=INT")
            .arg(self.bin.join("toolforge"))
            .args(words)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()))
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("TOOL_TOOLFORGE_API_URL", &self.url)
            // At a terminal, each line comes as it is written.
            .env("PYTHONUNBUFFERED", "1")
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        Begun { words: words.join(" "), child: child.unwrap() }
    }

    /// The same, to its end.
    pub fn toolforge(&self, words: &[&str]) -> Printed {
        self.begins(words).ends()
    }

    /// The same, for what has to succeed; what it prints.
    pub fn done(&self, words: &[&str]) -> String {
        self.begins(words).done()
    }

    /// The same for several commands side by side.
    pub fn all_done(&self, commands: &[&[&str]]) -> Vec<String> {
        let begun: Vec<Begun> = commands.iter().map(|words| self.begins(words)).collect();
        begun.into_iter().map(Begun::done).collect()
    }
}

/// A command under way.
pub struct Begun {
    words: String,
    child: Child,
}

impl Begun {
    /// What came of it.
    pub fn ends(self) -> Printed {
        let Output { status, stdout, stderr } = self.child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Printed { status: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// What it prints, when it has to succeed.
    pub fn done(self) -> String {
        let words = self.words.clone();
        let Printed { status, out, err } = self.ends();
        assert_eq!(status, Some(0), "toolforge {words}\n{out}\n{err}");
        out
    }

    /// Waits for its next lines.
    pub fn lines(&mut self, count: usize) -> Vec<String> {
        let out = self.child.stdout.as_mut().unwrap();
        (0..count).map(|_| line(out)).collect()
    }

    /// Presses Ctrl-C, and sees what comes of it.
    pub fn interrupted(self) -> Printed {
        let group = format!("-{}", self.child.id());
        let told = Command::new("kill").args(["-INT", "--", &group]).status();
        assert!(told.is_ok_and(|status| status.success()), "{} was not interrupted", self.words);
        self.ends()
    }
}

/// A line, and nothing behind it.
fn line(out: &mut impl Read) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while out.read_exact(&mut byte).is_ok() && byte != *b"\n" {
        line.extend(byte);
    }
    String::from_utf8(line).unwrap()
}
