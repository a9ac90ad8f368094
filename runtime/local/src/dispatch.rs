//! Dispatch at the start of the program: a process that was started as a subprocess runs only that
//! subprocess's `main`.

use std::ffi::OsStr;

use rustix::fs::Mode;

use crate::{dns, exec, files, helper, layers, probes, reexec::Subprocess};

/// Runs a subprocess's `main` and exits, if this process was started as a subprocess. Call it at the top of
/// `main`, before any thread exists.
pub fn run_if_subprocess() {
    let mut arguments = std::env::args_os();
    let Some(name) = arguments.next() else { return };
    let Some(part) = Subprocess::ALL_KINDS.into_iter().find(|part| name == OsStr::new(part.process_name()))
    else {
        return;
    };
    let rest = arguments.collect::<Vec<_>>();
    // Files in containers get the usual modes. Hearth's own files set theirs, and are in folders that only root can
    // open.
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let code = match part {
        Subprocess::Helper => helper::main(&rest),
        Subprocess::Unpacker => layers::unpack::main(&rest),
        Subprocess::Exec => exec::main(),
        Subprocess::Files => files::main(),
        Subprocess::Dns => dns::main(&rest),
        Subprocess::Prober => probes::main(&rest),
    };
    std::process::exit(code)
}
