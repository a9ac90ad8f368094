//! A program in a few words, played by the fake and written as a shell script for real containers.

use std::collections::BTreeMap;

use hearth_base::Secret;
use serde::{Deserialize, Serialize};

use crate::{Process, User};

/// What marks a process as a script for the fake.
const MARK: &str = "hearth-fake-script";

/// Steps that a program takes, in order. After the last one it exits with 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script(pub Vec<Step>);

/// One thing that a program does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Writes a line to standard output.
    Out(String),
    /// Writes a line to standard error.
    Err(String),
    /// Writes the value of an environment variable.
    ShowEnv(String),
    /// Writes what it reads, to the end of the input.
    Echo,
    /// Writes a word into a file of the home.
    Save(String),
    /// Writes what the home's file holds, or `nothing`.
    Show,
    /// Waits until an [`Step::Open`] of the same name happened in the same container.
    Await(String),
    /// See [`Step::Await`].
    Open(String),
    /// Takes an [`Step::Open`] back.
    Shut(String),
    /// Exits with 1 unless an [`Step::Open`] of this name happened in the same container.
    IsOpen(String),
    /// Serves HTTP at a port from now on: `/NAME` is answered with 200 while NAME is open, and with 404 else.
    Serve(u16),
    /// Ends well when asked to stop, and not before.
    Forever,
    /// Does not listen when asked to stop.
    Stubborn,
    /// Holds so many MiB of memory for a moment, and uses so many milliseconds of processor time.
    Work {
        /// MiB.
        memory: u32,
        /// Milliseconds.
        cpu: u32,
    },
    /// Needs ever more memory.
    Hoard,
    /// Writes so many MiB into its root, and ends with 1 when there is no room for them.
    Fill(u32),
    /// Ends itself by a signal.
    Raise(i32),
    /// Ends with a status.
    Exit(i32),
    /// There is no such program.
    Missing,
}

impl Script {
    /// The process that the fake plays as this script.
    pub fn process(&self) -> Process {
        let json = serde_json::to_string(self).unwrap_or_default();
        process(vec![MARK.to_owned(), json])
    }

    /// The process that does the same in a container with `/bin/sh`, with `HOME` set to the home's mount.
    pub fn shell(&self) -> Process {
        if !self.starts() {
            return process(vec!["/no/such/program".to_owned()]);
        }
        let lines: Vec<String> = self.0.iter().map(Step::shell).collect();
        process(vec!["/bin/sh".to_owned(), "-c".to_owned(), lines.join("\n")])
    }

    pub(super) fn of(process: &Process) -> Option<Self> {
        match process.argv.as_slice() {
            [mark, json] if mark == MARK => serde_json::from_str(json).ok(),
            _ => None,
        }
    }

    pub(super) fn starts(&self) -> bool {
        !self.0.contains(&Step::Missing)
    }
}

impl Step {
    fn shell(&self) -> String {
        match self {
            Self::Out(text) => format!("echo '{text}'"),
            Self::Err(text) => format!("echo '{text}' >&2"),
            Self::ShowEnv(name) => format!("echo \"${name}\""),
            Self::Echo => "cat".to_owned(),
            Self::Save(text) => format!("echo '{text}' > \"$HOME/saved\""),
            Self::Show => "cat \"$HOME/saved\" 2>/dev/null || echo nothing".to_owned(),
            Self::Await(name) => format!("while [ ! -e /tmp/{name} ]; do sleep 0.02; done"),
            Self::Open(name) => format!("touch /tmp/{name}"),
            Self::Shut(name) => format!("rm -f /tmp/{name}"),
            Self::IsOpen(name) => format!("[ -e /tmp/{name} ] || exit 1"),
            Self::Serve(port) => format!("httpd -p {port} -h /tmp"),
            Self::Forever => "trap 'exit 0' TERM; while :; do sleep 0.05; done".to_owned(),
            Self::Stubborn => "trap '' TERM; while :; do sleep 1; done".to_owned(),
            // Fields 14 and 15 of `/proc/PID/stat` are its own time in hundredths of a second (proc_pid_stat(5)).
            Self::Work { memory, cpu } => format!(
                "dd if=/dev/zero of=/dev/null bs={memory}M count=1 2>/dev/null\n\
                 until set -- $(cat /proc/$$/stat) && [ $((${{14}} + ${{15}})) -ge {} ]; do :; done",
                cpu.div_ceil(10)
            ),
            Self::Hoard => "x=0123456789; while :; do x=$x$x; done".to_owned(),
            Self::Fill(mib) => {
                format!("dd if=/dev/zero of=/filled bs=1M count={mib} 2>/dev/null || exit 1")
            }
            Self::Raise(signal) => format!("kill -{signal} $$; sleep 1"),
            Self::Exit(code) => format!("exit {code}"),
            Self::Missing => String::new(),
        }
    }
}

fn process(argv: Vec<String>) -> Process {
    let env = [("PATH", "/bin:/usr/bin"), ("HOME", "/home")];
    let env = env.map(|(name, value)| (name.to_owned(), Secret::new(value)));
    let (sealed, cwd) = (BTreeMap::new(), "/".to_owned());
    Process { argv, env: env.into(), sealed, cwd, user: User::default(), stop_signal: 15 }
}
