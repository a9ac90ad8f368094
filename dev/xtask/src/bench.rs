//! `cargo xtask bench`: builds the release programs and has `hearth-bench`, beside them, measure one thing.

use std::process::Command;

use clap::Args;

use crate::{Verdict, cargo::cargo, report::Report, trouble::Trouble, workspace::Workspace};

/// What can be measured, each with a word about it. Each is a file of `dev/bench/src`.
const BENCHES: [(&str, &str); 9] = [
    ("footprint", "memory of all roles idle, and of what stands beside each container"),
    ("job-start", "from a request to a process that runs; start to exit of true"),
    ("cli", "hearth --version and hearth jobs list"),
    ("gateway", "processor time and p99 of requests at the door"),
    ("logs", "a line from a container to a follower; intake; searching a gigabyte"),
    ("schedule", "how late runs begin among a hundred thousand schedules; what these cost while none is due"),
    ("api-load", "reads and writes of the jobs' API meanwhile"),
    ("growth", "what a job costs among a thousand, ten thousand and a hundred thousand"),
    ("deploy", "hearth deploy of a small Python tool to its first page"),
];

#[derive(Args)]
pub struct Bench {
    /// What to measure
    name: Option<String>,
}

/// Lists the benches, or runs one.
pub fn run(bench: &Bench, report: &mut Report) -> Result<Verdict, Trouble> {
    let Some(name) = &bench.name else {
        for (name, about) in BENCHES {
            report.line(&format_args!("{name:10} {about}"));
        }
        return Ok(Verdict::Good);
    };
    if !BENCHES.iter().any(|(known, _)| known == name) {
        return Err(Trouble::new(format!("there is no bench {name}"), "cargo xtask bench lists them"));
    }
    let workspace = Workspace::read()?;
    let mut build = cargo(&workspace);
    build.args(["build", "--release", "--locked", "-p", "hearthd", "-p", "hearth", "-p", "hearth-bench"]);
    done(&mut build, "the release programs do not build")?;
    done(
        Command::new(workspace.target.join("release/hearth-bench")).arg(name),
        "nothing, or not all, was measured",
    )?;
    Ok(Verdict::Good)
}

fn done(command: &mut Command, otherwise: &str) -> Result<(), Trouble> {
    let status = command.status().map_err(|error| {
        Trouble::new(
            format!("{} cannot be run: {error}", command.get_program().display()),
            "install Rust with rustup",
        )
    })?;
    match status.success() {
        true => Ok(()),
        false => Err(Trouble::new(otherwise, "the reason is above")),
    }
}
