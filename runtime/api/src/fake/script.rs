//! Test programs as lists of steps. The fake executes them in memory; for real containers they become shell
//! scripts.

use std::collections::BTreeMap;

use hearth_base::Secret;
use serde::{Deserialize, Serialize};

use crate::{ContainerUser, Process};

/// The program name that marks a process as a script.
const SCRIPT_MARKER: &str = "hearth-fake-script";

/// The steps of a program, in order. After the last one, the program exits with 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script(pub Vec<ScriptStep>);

/// One step of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScriptStep {
    /// Writes a line to standard output.
    Out(String),
    /// Writes a line to standard error.
    Err(String),
    /// Writes the value of an environment variable.
    ShowEnv(String),
    /// Copies its input to its output, to the end.
    Echo,
    /// Writes a word to a file in the home.
    Save(String),
    /// Prints the content of the home's file, or `nothing`.
    Show,
    /// Waits until the gate of this name is open. Gates belong to one container.
    Await(String),
    /// Opens a gate; see [`ScriptStep::Await`].
    Open(String),
    /// Closes a gate.
    Shut(String),
    /// Exits with 1 unless the gate of this name is open.
    IsOpen(String),
    /// Serves HTTP at a port from now on: `/NAME` returns 200 while the gate NAME is open, else 404.
    Serve(u16),
    /// Runs until the stop signal, then exits with 0.
    Forever,
    /// Ignores the stop signal.
    Stubborn,
    /// Allocates memory briefly and uses processor time.
    Work {
        /// Memory in MiB.
        memory: u32,
        /// Processor time in milliseconds.
        cpu: u32,
    },
    /// Allocates memory until it is killed.
    Hoard,
    /// Writes a number of MiB to its root file system. Exits with 1 when they do not fit.
    Fill(u32),
    /// Sends itself a signal.
    Raise(i32),
    /// Exits with a status.
    Exit(i32),
    /// A program that does not exist.
    Missing,
}

impl Script {
    /// The process that the fake executes as this script.
    pub fn to_process(&self) -> Process {
        let json = serde_json::to_string(self).unwrap_or_default();
        build_process(vec![SCRIPT_MARKER.to_owned(), json])
    }

    /// The equivalent process for a container with `/bin/sh`, with `HOME` set to the home's mount point.
    pub fn to_shell_process(&self) -> Process {
        if !self.can_start() {
            return build_process(vec!["/no/such/program".to_owned()]);
        }
        let lines: Vec<String> = self.0.iter().map(ScriptStep::to_shell_line).collect();
        build_process(vec!["/bin/sh".to_owned(), "-c".to_owned(), lines.join("\n")])
    }

    pub(super) fn from_process(process: &Process) -> Option<Self> {
        match process.argv.as_slice() {
            [mark, json] if mark == SCRIPT_MARKER => serde_json::from_str(json).ok(),
            _ => None,
        }
    }

    pub(super) fn can_start(&self) -> bool {
        !self.0.contains(&ScriptStep::Missing)
    }
}

impl ScriptStep {
    fn to_shell_line(&self) -> String {
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
            // Fields 14 and 15 of `/proc/PID/stat` are its own time in hundredths of a second
            // (proc_pid_stat(5)).
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

fn build_process(argv: Vec<String>) -> Process {
    let env = [("PATH", "/bin:/usr/bin"), ("HOME", "/home")];
    let env = env.map(|(name, value)| (name.to_owned(), Secret::new(value)));
    let (sealed, cwd) = (BTreeMap::new(), "/".to_owned());
    Process { argv, env: env.into(), sealed, cwd, user: ContainerUser::default(), stop_signal: 15 }
}
