//! A temporary home folder, and runs of the program in it.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use crate::fake_server::{FakeServer, PreparedAnswers};

/// A home folder with the working folder `dup-finder`.
pub struct Home {
    folder: tempfile::TempDir,
    masks: Vec<(String, &'static str)>,
    server: Option<FakeServer>,
}

impl Home {
    /// Creates an empty home.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("dup-finder")).expect("a folder in it");
        Self { folder, masks: Vec::new(), server: None }
    }

    /// Creates a home that is signed in at a fake server with `answers`. The folder `dup-finder` is not
    /// linked.
    pub fn signed_in_at(answers: PreparedAnswers) -> Self {
        let server = FakeServer::start(answers);
        let home = Self::new().with_mask(&server.address, "[SERVER]");
        home.sign_in(&server.address);
        Self { server: Some(server), ..home }
    }

    /// Returns the requests to the server of [`Home::signed_in_at`] so far.
    pub fn read_requests(&self) -> Vec<String> {
        self.server.as_ref().map(FakeServer::requests).unwrap_or_default()
    }

    /// Creates the same home with the folder linked to the tool `dup-finder`.
    pub fn linked_to_tool(answers: PreparedAnswers) -> Self {
        let home = Self::signed_in_at(answers);
        home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
        home
    }

    /// Replaces `text`, which differs between runs, by `what` in transcripts.
    pub fn with_mask(mut self, text: impl Into<String>, what: &'static str) -> Self {
        self.masks.push((text.into(), what));
        self
    }

    /// Returns a path below the home folder.
    pub fn path_below(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file below the home folder, and the folders that lead to it.
    pub fn write(&self, below: &str, text: &str) {
        let path = self.path_below(below);
        let folder = path.parent().expect("a folder around it");
        std::fs::create_dir_all(folder).expect("the folder can be created");
        std::fs::write(path, text).expect("the file can be written");
    }

    /// Saves a token for `server`, as `hearth login` does.
    pub fn sign_in(&self, server: &str) {
        let entry = format!(
            "server = \"{server}\"\n[servers.\"{server}\"]\nuser = \"alice\"\ntoken = \"hearth_token_a\"\n"
        );
        self.write(".config/hearth/credentials.toml", &entry);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let only_me = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(self.path_below(".config/hearth/credentials.toml"), only_me)
                .expect("the permissions can be set");
        }
    }

    /// Builds the command that runs the program in the folder with these arguments and variables.
    pub fn build_command(&self, words: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
        command.args(words).current_dir(self.path_below("dup-finder")).env_clear();
        command.env("HOME", self.folder.path()).envs(variables.iter().copied());
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program with these arguments.
    pub fn run(&self, words: &[&str]) -> Output {
        self.build_command(words, &[]).output().expect("the program starts")
    }

    /// Runs the program with `input` on standard input and returns the transcript.
    pub fn run_with_input(&self, words: &[&str], input: &str) -> String {
        let mut command = self.build_command(words, &[]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("the program has an input");
        // A command that does not read its input closes it.
        let _may_be_closed = stdin.write_all(input.as_bytes());
        drop(stdin);
        self.render_transcript(&child.wait_with_output().expect("the program ends"))
    }

    /// Runs the program and returns the transcript.
    pub fn run_to_transcript(&self, words: &[&str]) -> String {
        self.run_with_env(words, &[])
    }

    /// Runs the program with these variables and returns the transcript.
    pub fn run_with_env(&self, words: &[&str], variables: &[(&str, &str)]) -> String {
        self.render_transcript(&self.build_command(words, variables).output().expect("the program starts"))
    }

    /// Replaces every number before a unit by `N`.
    pub fn hide_amounts(&self, text: &str) -> String {
        let words: Vec<&str> = text.split(' ').collect();
        let is_unit = |word: Option<&&str>| word.is_some_and(|word| matches!(word.trim(), "s" | "B" | "kB"));
        let shown = words.iter().enumerate().map(|(at, word)| {
            let next = words.get(at + 1).map(|word| word.split('\n').next().unwrap_or_default());
            let number = word.trim_start_matches('(');
            if number.parse::<f64>().is_err() || !is_unit(next.as_ref()) {
                return (*word).to_owned();
            }
            word.replace(number, "N")
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    /// Renders standard output and standard error line by line, and the exit status.
    pub fn render_transcript(&self, output: &Output) -> String {
        let mut text = String::new();
        for (mark, stream) in [("out", &output.stdout), ("err", &output.stderr)] {
            for line in String::from_utf8_lossy(stream).lines() {
                text.push_str(format!("{mark}| {line}").trim_end());
                text.push('\n');
            }
        }
        let status = output.status.code().expect("the program exits");
        text.push_str(&format!("ends with {status}\n"));
        self.mask_text(&text)
    }

    /// Masks everything in `text` that differs between runs.
    pub fn mask_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (hidden, what) in self.masks.iter().map(|(text, what)| (text.as_str(), *what)) {
            text = text.replace(hidden, what);
        }
        text.replace(&self.folder.path().display().to_string(), "[HOME]")
    }
}
