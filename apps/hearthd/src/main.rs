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
mod usage_error;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, ServerCommand};

fn main() -> ExitCode {
    // The helper of a container is this program, executed again. It must run before any thread is started.
    hearth_runtime_local::run_if_subprocess();
    hearth_runtime_local::init_memory_trimming();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) if usage_error::has_only_help(&usage) => return console::print_help(&usage),
        Err(usage) => {
            let words: Vec<String> =
                std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
            return console::print_error(&usage_error::explain_usage_error(&usage, &words));
        }
    };
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(choose_umask(&cli.command)));
    if matches!(cli.command, ServerCommand::Up(_) | ServerCommand::Serve(_) | ServerCommand::Runtime(_)) {
        hearth_runtime_local::raise_open_file_limit();
    }
    let result = match cli.command {
        ServerCommand::Up(up) => commands::up::run(up),
        ServerCommand::Serve(serve) => commands::serve::run(serve),
        ServerCommand::Runtime(runtime) => commands::runtime::run(runtime),
        ServerCommand::Clear(clear) => commands::clear::run(clear),
        ServerCommand::Image(image) => commands::image::run(image),
        ServerCommand::Recover(recover) => commands::recover::run(recover),
        ServerCommand::Upgrade(upgrade) => commands::upgrade::run(upgrade),
        ServerCommand::Doctor => commands::doctor::run(),
        ServerCommand::Settings => commands::settings::run(),
        ServerCommand::Openapi(openapi) => commands::openapi::run(&openapi),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => console::print_error(&error),
    }
}

/// The bits that new files and folders never get: all of other users. Files that others need set their own modes.
fn choose_umask(command: &ServerCommand) -> u32 {
    match command {
        // The files of an image keep the modes that its packages set. They are made in a closed folder.
        ServerCommand::Image(_) => 0o022,
        _ => 0o077,
    }
}
