//! `--restart`: restarts continuous jobs that run with former variables.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::JobsQuery;

use crate::{context::CommandContext, tool_session::ToolSession};

/// The flag `--restart`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct RestartFlag {
    /// Restart the continuous jobs that run with outdated variables
    #[arg(long)]
    restart: bool,
}

impl RestartFlag {
    /// Restarts the jobs when the flag is set, and returns their names.
    pub async fn restart_outdated_jobs(
        self,
        cx: &CommandContext,
        session: &ToolSession<'_>,
    ) -> Result<Vec<JobName>> {
        if !self.restart {
            return Ok(Vec::new());
        }
        let jobs =
            session.send(session.client().jobs().list(session.tool_name(), &JobsQuery::default())).await?;
        let outdated = jobs.into_iter().filter(|job| job.status.envvars_changed).map(|job| job.name);
        let outdated: Vec<JobName> = outdated.collect();
        for job in &outdated {
            session.send(session.client().jobs().restart(session.tool_name(), job)).await?;
            cx.printer.print_note(&format!("{job} is restarting"));
        }
        if outdated.is_empty() {
            cx.printer.print_note("no job runs with outdated variables");
        }
        Ok(outdated)
    }
}
