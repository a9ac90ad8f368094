//! The program starts itself again for work that needs a process without threads or a sandbox.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use crate::{exec, helper, layers, names, probes};

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
    const ALL: [Self; 5] = [Self::Helper, Self::Unpacker, Self::Exec, Self::Names, Self::Probes];

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

/// Does a helper's work and ends the process, if this process was started for that. To be called at the top of
/// `main`, before any thread exists.
pub fn run_if_helper() {
    let mut arguments = std::env::args_os();
    let Some(name) = arguments.next() else { return };
    let Some(part) = Part::ALL.into_iter().find(|part| name == OsStr::new(part.name())) else { return };
    let rest = arguments.collect::<Vec<_>>();
    let code = match part {
        Part::Helper => helper::main(&rest),
        Part::Unpacker => layers::unpack::main(&rest),
        Part::Exec => exec::main(),
        Part::Names => names::main(&rest),
        Part::Probes => probes::main(&rest),
    };
    std::process::exit(code)
}

/// This program, to be started for `part`, with an empty environment and no streams.
pub fn command(part: Part) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(part.name()).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
