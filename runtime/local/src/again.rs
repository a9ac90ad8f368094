//! The program starts itself again for work that needs a process without threads or a sandbox.

use std::{
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

/// What a process of the program is for, as its first argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Starts one container and stays until it ends.
    Helper,
    /// Unpacks one layer in a sandbox.
    Unpacker,
    /// Starts a second program in a container.
    Exec,
    /// Answers names, without any powers.
    Names,
    /// Sends probes to containers, without any powers.
    Probes,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 5] = [Self::Helper, Self::Unpacker, Self::Exec, Self::Names, Self::Probes];

    /// What the process is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Helper => "hearth-runtime-helper",
            Self::Unpacker => "hearth-runtime-unpacker",
            Self::Exec => "hearth-runtime-exec",
            Self::Names => "hearth-runtime-names",
            Self::Probes => "hearth-runtime-probes",
        }
    }
}

/// This program, to be started for `part`, with an empty environment and no streams.
pub fn command(part: Part) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(part.name()).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
