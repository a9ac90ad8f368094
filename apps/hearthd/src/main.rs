//! The server. Its subcommand selects everything on one machine, some roles of a larger Hearth, or a tool for
//! operators.

mod bootstrap;
mod cli;
mod commands;
mod console;
mod memory_trim;
mod privilege;
mod process;
mod services;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, ServerCommand};

fn main() -> ExitCode {
    // The helper of a container is this program, executed again. It must run before any thread is started.
    hearth_runtime_local::run_if_subprocess();
    hearth_runtime_local::init_memory_trimming();
    // Private files and folders set their own modes. A restrictive umask would lock services out of shared
    // ones.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return console::print_usage(&usage),
    };
    let result = match cli.command {
        ServerCommand::Up(up) => commands::up::run(up),
        ServerCommand::Serve(serve) => commands::serve::run(serve),
        ServerCommand::Runtime(runtime) => commands::runtime::run(runtime),
        ServerCommand::Clear(clear) => commands::clear::run(clear),
        ServerCommand::Image(image) => commands::image::run(image),
        ServerCommand::Doctor => commands::doctor::run(),
        ServerCommand::Settings => commands::settings::run(),
        ServerCommand::Openapi(openapi) => commands::openapi::run(&openapi),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => console::print_error(&error),
    }
}
