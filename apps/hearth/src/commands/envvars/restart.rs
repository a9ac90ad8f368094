//! `--restart`: continuous jobs that run with former variables get the new ones.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::JobsQuery;

use crate::{at_tool::AtTool, context::Context};

/// Whether jobs are restarted after a change.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Restart {
    /// Restart the continuous jobs that run with former variables
    #[arg(long)]
    restart: bool,
}

impl Restart {
    /// Restarts them, when that was asked for. Their names.
    pub async fn run(self, cx: &Context, at: &AtTool<'_>) -> Result<Vec<JobName>> {
        if !self.restart {
            return Ok(Vec::new());
        }
        let jobs = at.ask(at.client().jobs().list(at.name(), &JobsQuery::default())).await?;
        let outdated = jobs.into_iter().filter(|job| job.status.envvars_changed).map(|job| job.name);
        let outdated: Vec<JobName> = outdated.collect();
        for job in &outdated {
            at.ask(at.client().jobs().restart(at.name(), job)).await?;
            cx.printer.note(&format!("{job} starts anew"));
        }
        if outdated.is_empty() {
            cx.printer.note("no job runs with former variables");
        }
        Ok(outdated)
    }
}
