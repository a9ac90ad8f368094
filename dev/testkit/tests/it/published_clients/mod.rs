//! Toolforge's published clients, unmodified, against a Hearth. They are the first to say whether its API is
//! what it says it is.

mod build;
mod envvars;
pub mod installed;
mod jobs;

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use hearth_base::{Result, ToolName};
use hearth_testkit::{Hearth, Person, Printed, program};
use hearth_wire::tools::ToolCreate;
use tempfile::TempDir;

/// A maintainer at a terminal, with the published clients and the file by which they enter.
pub struct Terminal {
    home: TempDir,
    bin: PathBuf,
    url: String,
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
        Ok(Self { bin: installed::programs(), home, url: hearth.url().to_owned() })
    }

    /// A file of this name in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Types `toolforge` and these words.
    pub fn toolforge(&self, words: &[&str]) -> Printed {
        let Output { status, stdout, stderr } = Command::new(self.bin.join("toolforge"))
            .args(words)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()))
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("TOOL_TOOLFORGE_API_URL", &self.url)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Printed { status: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// The same, for what has to succeed; what it prints.
    pub fn done(&self, words: &[&str]) -> String {
        let Printed { status, out, err } = self.toolforge(words);
        assert_eq!(status, Some(0), "toolforge {words:?}\n{out}\n{err}");
        out
    }
}
