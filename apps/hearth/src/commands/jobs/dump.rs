//! `hearth jobs dump`: writes all jobs to a file that `hearth jobs load` reads.

use std::path::PathBuf;

use hearth_base::{Error, Result};

use super::definition::JobDefinition;
use crate::{
    context::CommandContext,
    flags::DryRun,
    job_calls::list_jobs,
    out_file::{self, FileReaders},
};

/// The arguments of `hearth jobs dump`.
#[derive(Debug, clap::Args)]
pub struct DumpJobsArgs {
    /// Write to this file; --yes replaces an existing one
    #[arg(long, short = 'f', value_name = "FILE")]
    to_file: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Writes the jobs.
pub async fn run(cx: &CommandContext, args: DumpJobsArgs) -> Result<()> {
    let result = cx.printer.open_output::<JobDefinition>()?;
    let DumpJobsArgs { to_file, dry_run } = args;
    let specs: Vec<JobDefinition> =
        list_jobs(&cx.open_tool_session()?, true).await?.iter().map(JobDefinition::from_job).collect();
    let text = serde_saphyr::to_string(&specs).map_err(Error::internal)?;
    let Some(file) = to_file else { return result.print_list_as_text(&specs, &text) };
    let name = file.display();
    if !out_file::needs_write(cx, &file, &text, FileReaders::Default)? {
        return result
            .print_list_as_text(&specs, &format!("nothing to change: {name} has this content already\n"));
    }
    if dry_run.dry_run {
        return result.print_list_as_text(&specs, &format!("would write {} jobs to {name}\n", specs.len()));
    }
    out_file::write_file(&file, &text, FileReaders::Default)?;
    result.print_list_as_text(&specs, &format!("✓ {} jobs are written to {name}\n", specs.len()))
}
