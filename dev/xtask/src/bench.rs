//! `cargo xtask bench`: builds the release programs and has `hearth-bench`, beside them, measure one thing.

use std::process::Command;

use clap::Args;

use crate::{
    Verdict, cargo::cargo_command, command_error::CommandError, process::run_to_success, report::Report,
    workspace::Workspace,
};

/// The benches and what each measures. Each is a file of `dev/bench/src`.
const BENCH_NAMES: [(&str, &str); 15] = [
    ("footprint", "memory of all roles while idle, and of the processes beside each container"),
    ("job-start", "time from a request to a running process; from start to exit of true"),
    ("cli", "hearth --version and hearth jobs list"),
    ("gateway", "processor time and p99 of requests through the gateway"),
    ("logs", "a line from a container to a follower; intake; searching a gigabyte"),
    ("schedule", "delay of runs among a hundred thousand schedules; cost of these while none is due"),
    ("api-load", "reads and writes of the jobs API beside due schedules"),
    ("growth", "cost of a job among a thousand, ten thousand and a hundred thousand"),
    ("build-fairness", "shares of eight tools in a thousand builds on eight builders"),
    (
        "build-warm",
        "builds of a small Python tool beside buildah: the first, a changed page, the same source",
    ),
    ("deploy", "hearth deploy of a small Python tool to its first page"),
    ("rollout", "images that exist: plan, first page, rollback, and failed requests of a loaded page"),
    ("deploy-node", "hearth deploy of a Node.js tool with 200 packages beside npm ci"),
    ("page-wake", "a visit of a sleeping page to its first byte"),
    ("tenants", "latency of a tool's page, API and schedules while another tool or address attacks"),
];

#[derive(Args)]
pub struct Bench {
    /// The name of a bench
    name: Option<String>,
    /// Attacks of the bench tenants, by name; without them, all
    attacks: Vec<String>,
}

/// Lists the benches, or runs one.
pub fn run(bench: &Bench, report: &mut Report) -> Result<Verdict, CommandError> {
    let Some(name) = &bench.name else {
        for (name, about) in BENCH_NAMES {
            report.print_line(&format_args!("{name:10} {about}"));
        }
        return Ok(Verdict::Good);
    };
    if !BENCH_NAMES.iter().any(|(known, _)| known == name) {
        return Err(CommandError::new(format!("there is no bench {name}"), "cargo xtask bench lists them"));
    }
    let workspace = Workspace::read()?;
    let mut build = cargo_command(&workspace);
    build.args(["build", "--release", "--locked", "-p", "hearthd", "-p", "hearth", "-p", "hearth-bench"]);
    run_to_success(&mut build, "the release programs do not build")?;
    run_to_success(
        Command::new(workspace.target.join("release/hearth-bench")).arg(name).args(&bench.attacks),
        "the bench failed",
    )?;
    Ok(Verdict::Good)
}
