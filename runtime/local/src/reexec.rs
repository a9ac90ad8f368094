//! Re-execution: the program starts itself as a subprocess for work that needs a process without threads or a
//! sandbox.

use std::{
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

/// Kind of subprocess, passed as the first argument (`argv[0]`) of the new process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subprocess {
    /// Starts one container and waits until it exits.
    Helper,
    /// Unpacks one layer in a sandbox.
    Unpacker,
    /// Starts a second program in a container.
    Exec,
    /// Executes one request about files, with the storage of a tool as its root.
    Files,
    /// DNS server for containers, without privileges.
    Dns,
    /// Sends probes to containers, without privileges.
    Prober,
}

impl Subprocess {
    /// All kinds.
    pub const ALL_KINDS: [Self; 6] =
        [Self::Helper, Self::Unpacker, Self::Exec, Self::Files, Self::Dns, Self::Prober];

    /// Process name, as `ps` shows it.
    pub fn process_name(self) -> &'static str {
        match self {
            Self::Helper => "hearth-runtime-helper",
            Self::Unpacker => "hearth-runtime-unpacker",
            Self::Exec => "hearth-runtime-exec",
            Self::Files => "hearth-runtime-files",
            Self::Dns => "hearth-runtime-names",
            Self::Prober => "hearth-runtime-probes",
        }
    }
}

/// Command that starts this program as the subprocess `part`, with an empty environment and no standard
/// streams.
pub fn build_command(part: Subprocess) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(part.process_name()).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
