//! `hearth exec [JOB] [-- COMMAND …]`: a program, or a shell, in a container of a job that runs.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{ExecOpen, ExecQuery};

use super::logs;
use crate::{
    attach::{carry, terminal},
    context::Context,
    exit::Exit,
    job_calls::{ask_about_job, list_jobs},
};

/// What `hearth exec` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job; absent: the tool's page, or its only job
    job: Option<JobName>,
    /// The program and what it takes; absent: a shell
    #[arg(last = true)]
    command: Vec<String>,
    /// In this run of the job (see hearth jobs runs)
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Hand plain streams through, even at a terminal
    #[arg(long, short = 'T')]
    no_terminal: bool,
}

/// Runs it, and ends as it ends.
pub async fn run(cx: &Context, args: Args) -> Result<Exit> {
    let Args { job, command, run, no_terminal } = args;
    let at = cx.at_tool()?;
    let job = match job {
        Some(job) => job,
        None => logs::chosen(&at, &list_jobs(&at, false).await?)?,
    };
    let terminal = terminal().filter(|_| !no_terminal);
    let handed_through = terminal.is_some();
    let open = ExecOpen { command, line: None, terminal, run };
    let jobs = at.client().jobs();
    let query = ExecQuery::default();
    let (input, output) = ask_about_job(&at, &job, jobs.exec(at.name(), &job, open, &query)).await?;
    carry(input, output, handed_through).await
}
