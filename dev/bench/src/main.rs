//! `hearth-bench NAME`: measures Hearth beside its peers, from the release programs beside this one.
//!
//! This file is the table of benches; each is one file beside it.

mod api_load;
mod bare;
mod bundle;
mod cli;
mod crowd;
mod deploy;
mod footprint;
mod gateway;
mod growth;
mod images;
mod job_start;
mod load;
mod logs;
mod nginx;
mod oci;
mod peer;
mod proc;
mod report;
mod schedule;
mod times;
mod upstream;

use std::process::ExitCode;

use hearth_base::{Error, Result};

use crate::report::Report;

#[expect(clippy::print_stderr, reason = "why a bench could not be run is all that this program says itself")]
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
    if let [bare::PART, bundle, state] = words.as_slice() {
        // Without any thread: containers are forked from here.
        return bare::serve(bundle.as_ref(), state.as_ref());
    }
    let [name] = words.as_slice() else {
        return Err(Error::invalid("usage", "one bench is wanted: cargo xtask bench lists them"));
    };
    let threads =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
    threads.block_on(measure(name))?.print();
    Ok(())
}

async fn measure(name: &str) -> Result<Report> {
    match name {
        "footprint" => footprint::run().await,
        "job-start" => job_start::run().await,
        "cli" => cli::run().await,
        "logs" => logs::run().await,
        "schedule" => schedule::run().await,
        "api-load" => api_load::run().await,
        "growth" => growth::run().await,
        "gateway" => gateway::run().await,
        "deploy" => deploy::run().await,
        _ => Err(Error::not_found("bench", name).help("cargo xtask bench lists them")),
    }
}
