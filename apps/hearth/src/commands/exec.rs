//! `hearth exec [JOB] [-- COMMAND …]`: runs a program, or a shell, in a container of a running job.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{ExecOpen, ExecQuery};

use super::logs;
use crate::{
    attach::{attach_streams, find_terminal_size},
    context::CommandContext,
    exit::Exit,
    job_calls::{list_jobs, send_about_job},
};

/// The arguments of `hearth exec`.
#[derive(Debug, clap::Args)]
pub struct ExecProgramArgs {
    /// The job; default: the published job, or the only one
    job: Option<JobName>,
    /// The program and its arguments; default: a shell
    #[arg(last = true)]
    command: Vec<String>,
    /// Use the container of this run (see hearth jobs runs)
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Use plain streams, even at a terminal
    #[arg(long, short = 'T')]
    no_terminal: bool,
}

/// Runs the program and returns its exit status.
pub async fn run(cx: &CommandContext, args: ExecProgramArgs) -> Result<Exit> {
    let ExecProgramArgs { job, command, run, no_terminal } = args;
    let session = cx.open_tool_session()?;
    let job = match job {
        Some(job) => job,
        None => logs::choose_job(&session, &list_jobs(&session, false).await?, "exec")?,
    };
    let terminal = find_terminal_size().filter(|_| !no_terminal);
    let handed_through = terminal.is_some();
    let term = cx.settings.environment.terminal_type.clone();
    let open = ExecOpen { command, line: None, terminal, term, run };
    let jobs = session.client().jobs();
    let query = ExecQuery::default();
    let (input, output) =
        send_about_job(&session, &job, jobs.exec(session.tool_name(), &job, open, &query)).await?;
    attach_streams(input, output, handed_through).await
}
