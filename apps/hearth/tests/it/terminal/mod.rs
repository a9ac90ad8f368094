//! The program at a terminal: output, typed answers and Ctrl-C.

mod interrupts;
mod questions;
mod rendering;

use std::{
    io::{Read, Write},
    process::Child,
    time::{Duration, Instant},
};

use pty_process::{
    Size,
    blocking::{Command, Pty, open},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::{LocalModes, tcgetattr},
};

use crate::home::Home;

/// The time limit of every wait in a test.
const TERMINAL_TIMEOUT: Duration = Duration::from_secs(60);

/// A terminal with a running program.
pub struct TestTerminal<'a> {
    home: &'a Home,
    pty: Pty,
    child: Child,
    seen: Vec<u8>,
}

impl Home {
    /// Runs the program with these arguments at a terminal of 80 columns, in the folder.
    pub fn run_at_terminal(&self, words: &[&str]) -> TestTerminal<'_> {
        self.run_at_terminal_with(80, words, &[])
    }

    /// Runs the program at a terminal of `columns` columns, with these variables.
    pub fn run_at_terminal_with(
        &self,
        columns: u16,
        words: &[&str],
        variables: &[(&str, &str)],
    ) -> TestTerminal<'_> {
        let mut command = self.build_command(words, &[("TERM", "xterm")]);
        command.envs(variables.iter().copied());
        self.start_at_terminal(columns, command)
    }

    /// Starts any program at a terminal of `columns` columns.
    pub fn start_at_terminal(&self, columns: u16, command: std::process::Command) -> TestTerminal<'_> {
        let (pty, program_side) = open().expect("a terminal");
        pty.resize(Size::new(24, columns)).expect("the size can be set");
        let child = Command::from(command).spawn(program_side).expect("the program starts");
        TestTerminal { home: self, pty, child, seen: Vec::new() }
    }
}

impl TestTerminal<'_> {
    /// Reads until `text` appears, and returns all output so far.
    pub fn read_until(&mut self, text: &str) -> String {
        while !self.masked_output().contains(text) {
            assert!(
                self.read_more(),
                "the program ended without {text:?}; its output was {:?}",
                self.masked_output()
            );
        }
        self.masked_output()
    }

    /// Types these keys.
    pub fn press_keys(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Types these keys after `question` appears.
    pub fn answer_question(&mut self, question: &str, keys: &str) {
        self.read_until(question);
        self.press_keys(keys);
    }

    /// Types these keys after `question` appears and the echo is off.
    pub fn answer_hidden_question(&mut self, question: &str, keys: &str) {
        self.read_until(question);
        let start = Instant::now();
        while self.is_echo_on() {
            assert!(start.elapsed() < TERMINAL_TIMEOUT, "the input is echoed after {question:?}");
            std::thread::yield_now();
        }
        self.press_keys(keys);
    }

    /// Returns true when the terminal echoes input.
    pub fn is_echo_on(&self) -> bool {
        let modes = tcgetattr(&self.pty).expect("the terminal has modes").local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Reads until the program ends; returns the output and the exit status.
    pub fn read_to_end(mut self) -> String {
        while self.read_more() {}
        let status = self.child.wait().expect("the program ends").code().expect("the program exits");
        let seen = self.masked_output();
        let lines = seen.lines().map(|line| format!("{}\n", line.trim_end()));
        lines.chain([format!("ends with {status}\n")]).collect()
    }

    /// Returns the output so far with masks applied.
    fn masked_output(&self) -> String {
        self.home.mask_text(&String::from_utf8_lossy(&self.seen).replace("\r\n", "\n"))
    }

    /// Waits for output and reads it; returns false after the end of the program.
    fn read_more(&mut self) -> bool {
        let limit = Timespec { tv_sec: TERMINAL_TIMEOUT.as_secs().try_into().expect("it fits"), tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(&self.pty, PollFlags::IN)], Some(&limit)).expect("poll succeeds");
        assert!(ready > 0, "the program neither prints nor ends; its output was {:?}", self.masked_output());
        let mut piece = [0; 4096];
        match self.pty.read(&mut piece) {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.seen.extend_from_slice(&piece[..length]);
                true
            }
        }
    }
}

impl Drop for TestTerminal<'_> {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _status_is_unused = self.child.wait();
    }
}
