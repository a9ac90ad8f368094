//! `cargo xtask`: the checks and generators of this repository.
//!
//! This file is the table of commands; each command is one file (or folder) beside it.

mod bench;
mod cargo;
mod command_error;
mod process;
mod release;
mod report;
mod rust;
mod soak;
mod spec;
mod tidy;
mod tree;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{command_error::CommandError, report::Report};

/// The checks and generators of this repository
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the house rules: edges between crates, SQL, length, licences, words and more
    Tidy,
    /// Write the API's documents in api/, docs/configuration.md and docs/commands.md, as the programs print them
    Spec(spec::SpecArgs),
    /// Measure Hearth beside its peers, from release programs; without a name, list what can be measured
    Bench(bench::Bench),
    /// Build the programs of a release from its commit and record its state; without a version, list the releases
    Release(release::ReleaseArgs),
    /// Run kill tests and fuzz targets for longer than ./test does; without a name, list them
    Soak(soak::Soak),
}

/// The outcome of a command.
enum Verdict {
    /// Nothing has to be corrected.
    Good,
    /// The report names what has to be corrected.
    Bad,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut report = Report;
    match run(&arguments.command, &mut report) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(error) => {
            report.print_line(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command, report: &mut Report) -> Result<Verdict, CommandError> {
    match command {
        Command::Tidy => tidy::run(report),
        Command::Spec(spec) => spec::run(spec, report),
        Command::Bench(bench) => bench::run(bench, report),
        Command::Release(args) => release::run(args, report),
        Command::Soak(soak) => soak::run(soak, report),
    }
}
