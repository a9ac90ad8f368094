//! The server. What it does is chosen by its first word: everything on this machine, some roles of a larger
//! Hearth, or a look at the host.

mod bootstrap;
mod cli;
mod commands;
mod out;
mod privilege;
mod process;
mod services;
mod thrift;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    // A helper of a container is this program started again; it must have no thread yet.
    hearth_runtime_local::run_if_helper();
    hearth_runtime_local::be_thrifty();
    // Every file and folder that is to be closed says so: a narrow umask must not close what services have to reach.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return out::usage(&usage),
    };
    let done = match cli.command {
        Command::Up(up) => commands::up::run(up),
        Command::Serve(serve) => commands::serve::run(serve),
        Command::Runtime(runtime) => commands::runtime::run(runtime),
        Command::Clear(clear) => commands::clear::run(clear),
        Command::Image(image) => commands::image::run(image),
        Command::Doctor => commands::doctor::run(),
        Command::Settings => commands::settings::run(),
        Command::Openapi(openapi) => commands::openapi::run(&openapi),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => out::refused(&error),
    }
}
