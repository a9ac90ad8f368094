//! `hearth-bench NAME`: measures Hearth and comparable programs, with the release programs in the same
//! folder.
//!
//! This file is the table of benches; each bench is one file.

mod api_load;
mod build_fairness;
mod build_warm;
mod bundle;
mod cli;
mod deploy;
mod deploy_node;
mod durations;
mod fleet;
mod footprint;
mod gateway;
mod growth;
mod images;
mod job_start;
mod libcontainer_loop;
mod load;
mod logs;
mod nginx;
mod oci;
mod page_wake;
mod peer;
mod proc;
mod report;
mod rollout;
mod schedule;
mod tenants;
mod upstream;

use std::process::ExitCode;

use hearth_base::{Error, Result};

use crate::report::BenchReport;

#[expect(clippy::print_stderr, reason = "this program itself prints only the reason why a bench failed")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [libcontainer_loop::SUBCOMMAND_NAME, bundle, state] = words.as_slice() {
        // Before any thread starts, because containers are forked from this process.
        return libcontainer_loop::serve_lines(bundle.as_ref(), state.as_ref());
    }
    let (name, parts) = match words.as_slice() {
        ["tenants", attacks @ ..] => ("tenants", attacks),
        [name] => (*name, [].as_slice()),
        _ => {
            return Err(Error::invalid(
                "usage",
                "the name of one bench is required: run cargo xtask bench for a list",
            ));
        }
    };
    let threads =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
    threads.block_on(run_bench(name, parts))?.print_report();
    Ok(())
}

/// Runs a bench, or only these parts of one that has parts.
async fn run_bench(name: &str, parts: &[&str]) -> Result<BenchReport> {
    match name {
        "footprint" => footprint::run().await,
        "job-start" => job_start::run().await,
        "cli" => cli::run().await,
        "logs" => logs::run().await,
        "schedule" => schedule::run().await,
        "api-load" => api_load::run().await,
        "growth" => growth::run().await,
        "gateway" => gateway::run().await,
        "build-fairness" => build_fairness::run().await,
        "build-warm" => build_warm::run().await,
        "deploy" => deploy::run().await,
        "rollout" => rollout::run().await,
        "deploy-node" => deploy_node::run().await,
        "page-wake" => page_wake::run().await,
        "tenants" => tenants::run(parts).await,
        _ => Err(Error::not_found("bench", name).help("run cargo xtask bench for a list")),
    }
}
