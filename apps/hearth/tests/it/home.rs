//! A user's home folder, with nothing of the machine's own in it, and commands typed there.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use crate::door::{Answers, Door};

/// A home folder with a folder `dup-finder`, in which commands are typed.
pub struct Home {
    folder: tempfile::TempDir,
    hidden: Vec<(String, &'static str)>,
    door: Option<Door>,
}

impl Home {
    /// A new one.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("dup-finder")).expect("a folder in it");
        Self { folder, hidden: Vec::new(), door: None }
    }

    /// A new one, signed in at a door that gives `answers`. The folder `dup-finder` is not linked.
    pub fn at(answers: Answers) -> Self {
        let door = Door::open(answers);
        let home = Self::new().hiding(&door.address, "[SERVER]");
        home.sign_in(&door.address);
        Self { door: Some(door), ..home }
    }

    /// What the door of [`Home::at`] was asked so far.
    pub fn asked(&self) -> Vec<String> {
        self.door.as_ref().map(Door::heard).unwrap_or_default()
    }

    /// The same, with the folder linked to the tool `dup-finder`.
    pub fn of_tool(answers: Answers) -> Self {
        let home = Self::at(answers);
        home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
        home
    }

    /// Shows `what` in transcripts instead of `text`, which differs between runs.
    pub fn hiding(mut self, text: impl Into<String>, what: &'static str) -> Self {
        self.hidden.push((text.into(), what));
        self
    }

    /// A path below the home folder.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file below the home folder, and the folders that lead to it.
    pub fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        let folder = path.parent().expect("a folder around it");
        std::fs::create_dir_all(folder).expect("the folder is made");
        std::fs::write(path, text).expect("the file is written");
    }

    /// Keeps a token for `server`, as `hearth login` does.
    pub fn sign_in(&self, server: &str) {
        let entry = format!(
            "server = \"{server}\"\n[servers.\"{server}\"]\nuser = \"alice\"\ntoken = \"hearth_token_a\"\n"
        );
        self.write(".config/hearth/credentials.toml", &entry);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let only_me = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(self.path(".config/hearth/credentials.toml"), only_me)
                .expect("the file is mine");
        }
    }

    /// The program, about to be started in the folder with these words and variables.
    pub fn command(&self, words: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
        command.args(words).current_dir(self.path("dup-finder")).env_clear();
        command.env("HOME", self.folder.path()).envs(variables.iter().copied());
        command.stdin(Stdio::null());
        command
    }

    /// What happens when these words are typed.
    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words, &[]).output().expect("the program starts")
    }

    /// A transcript of the same with `input` on standard input.
    pub fn says_given(&self, words: &[&str], input: &str) -> String {
        let mut command = self.command(words, &[]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input");
        // What does not want to read it has said so already.
        let _it_may_not_want_it = stdin.write_all(input.as_bytes());
        drop(stdin);
        self.transcript(&child.wait_with_output().expect("it ends"))
    }

    /// A transcript of the same.
    pub fn says(&self, words: &[&str]) -> String {
        self.says_with(words, &[])
    }

    /// A transcript with these variables set.
    pub fn says_with(&self, words: &[&str], variables: &[(&str, &str)]) -> String {
        self.transcript(&self.command(words, variables).output().expect("the program starts"))
    }

    /// `text` with every number in front of a unit shown as `N`.
    pub fn hide_amounts(&self, text: &str) -> String {
        let words: Vec<&str> = text.split(' ').collect();
        let is_unit = |word: Option<&&str>| word.is_some_and(|word| matches!(word.trim(), "s" | "B" | "kB"));
        let shown = words.iter().enumerate().map(|(at, word)| {
            let next = words.get(at + 1).map(|word| word.split('\n').next().unwrap_or_default());
            if word.parse::<f64>().is_ok() && is_unit(next.as_ref()) { "N" } else { word }
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    /// What went where, line by line, and the exit status.
    pub fn transcript(&self, output: &Output) -> String {
        let mut text = String::new();
        for (mark, stream) in [("out", &output.stdout), ("err", &output.stderr)] {
            for line in String::from_utf8_lossy(stream).lines() {
                text.push_str(format!("{mark}| {line}").trim_end());
                text.push('\n');
            }
        }
        let status = output.status.code().expect("it ended by itself");
        text.push_str(&format!("ends with {status}\n"));
        self.hidden_in(&text)
    }

    /// `text` with whatever differs between runs hidden.
    pub fn hidden_in(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (hidden, what) in self.hidden.iter().map(|(text, what)| (text.as_str(), *what)) {
            text = text.replace(hidden, what);
        }
        text.replace(&self.folder.path().display().to_string(), "[HOME]")
    }
}
