//! `hearth jobs dump`: all jobs, as `hearth jobs load` reads them.

use std::path::PathBuf;

use hearth_base::{Error, Result};

use super::spec::Spec;
use crate::{
    context::Context,
    flags::DryRun,
    job_calls::list_jobs,
    out_file::{self, Readers},
};

/// What `hearth jobs dump` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write to this file; it is replaced only with --yes
    #[arg(long, short = 'f', value_name = "FILE")]
    to_file: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Writes them down.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Spec>()?;
    let Args { to_file, dry_run } = args;
    let specs: Vec<Spec> = list_jobs(&cx.at_tool()?, true).await?.iter().map(Spec::of).collect();
    let text = serde_saphyr::to_string(&specs).map_err(Error::internal)?;
    let Some(file) = to_file else { return answer.listed_as(&specs, &text) };
    let name = file.display();
    if !out_file::is_news(cx, &file, &text, Readers::Usual)? {
        return answer.listed_as(&specs, &format!("nothing to change: {name} says the same\n"));
    }
    if dry_run.dry_run {
        return answer.listed_as(&specs, &format!("would write {} jobs to {name}\n", specs.len()));
    }
    out_file::write(&file, &text, Readers::Usual)?;
    answer.listed_as(&specs, &format!("✓ {} jobs are written to {name}\n", specs.len()))
}
