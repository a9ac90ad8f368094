//! The start of the program: a process that was started for one part runs that part and nothing else.

use std::ffi::OsStr;

use crate::{again::Part, exec, helper, layers, names, probes};

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
