//! The program at a terminal: what somebody sees who sits there, types, and presses Ctrl-C.

mod asking;
mod interrupting;
mod printing;

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

/// How long something may take that a test waits for.
const LIMIT: Duration = Duration::from_secs(60);

/// A terminal, and the program that runs at it.
pub struct Terminal<'a> {
    home: &'a Home,
    pty: Pty,
    child: Child,
    seen: Vec<u8>,
}

impl Home {
    /// Types these words at a terminal of 80 columns, in the folder.
    pub fn types(&self, words: &[&str]) -> Terminal<'_> {
        self.types_at(80, words, &[])
    }

    /// The same at a terminal of so many columns, with these variables.
    pub fn types_at(&self, columns: u16, words: &[&str], variables: &[(&str, &str)]) -> Terminal<'_> {
        let mut command = self.command(words, &[("TERM", "xterm")]);
        command.envs(variables.iter().copied());
        self.starts_at(columns, command)
    }

    /// Starts any program at a terminal of so many columns.
    pub fn starts_at(&self, columns: u16, command: std::process::Command) -> Terminal<'_> {
        let (pty, program_side) = open().expect("a terminal");
        pty.resize(Size::new(24, columns)).expect("it has a size");
        let child = Command::from(command).spawn(program_side).expect("the program starts");
        Terminal { home: self, pty, child, seen: Vec::new() }
    }
}

impl Terminal<'_> {
    /// Reads until `text` is seen, and says all that was seen until then.
    pub fn until(&mut self, text: &str) -> String {
        while !self.seen().contains(text) {
            assert!(self.read(), "{text:?} was not seen before the program ended, but {:?}", self.seen());
        }
        self.seen()
    }

    /// Presses these keys.
    pub fn presses(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Presses these keys when `question` is asked.
    pub fn answers(&mut self, question: &str, keys: &str) {
        self.until(question);
        self.presses(keys);
    }

    /// Presses these keys when `question` is asked and the terminal does not show them.
    pub fn answers_unseen(&mut self, question: &str, keys: &str) {
        self.until(question);
        let asked = Instant::now();
        while self.shows_keys() {
            assert!(asked.elapsed() < LIMIT, "what is typed is shown behind {question:?}");
            std::thread::yield_now();
        }
        self.presses(keys);
    }

    /// Whether the terminal shows what is typed.
    pub fn shows_keys(&self) -> bool {
        let modes = tcgetattr(&self.pty).expect("the terminal has modes").local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// All that is seen until the program ends, and how it ends.
    pub fn ends(mut self) -> String {
        while self.read() {}
        let status = self.child.wait().expect("it ends").code().expect("it ended by itself");
        let seen = self.seen();
        let lines = seen.lines().map(|line| format!("{}\n", line.trim_end()));
        lines.chain([format!("ends with {status}\n")]).collect()
    }

    /// What was seen so far, with whatever differs between runs hidden.
    fn seen(&self) -> String {
        self.home.hidden_in(&String::from_utf8_lossy(&self.seen).replace("\r\n", "\n"))
    }

    /// Reads what there is, waiting for it; nothing more comes when the program has ended.
    fn read(&mut self) -> bool {
        let limit = Timespec { tv_sec: LIMIT.as_secs().try_into().expect("it fits"), tv_nsec: 0 };
        let ready =
            poll(&mut [PollFd::new(&self.pty, PollFlags::IN)], Some(&limit)).expect("it can be waited for");
        assert!(ready > 0, "the program says nothing more and does not end, after {:?}", self.seen());
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

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _it_has_ended = self.child.kill();
        let _nobody_asks = self.child.wait();
    }
}
