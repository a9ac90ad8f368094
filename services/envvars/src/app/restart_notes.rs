//! Messages after a change about jobs that need a restart.

use hearth_base::{JobName, ToolId};
use hearth_wire::{envvars::EnvvarsChanged, reply::Messages};

use crate::context::EnvvarsContext;

/// Builds messages about the tool's jobs after this change of its variables, or of those of `job`.
pub async fn build_restart_notes(
    cx: &EnvvarsContext,
    tool: ToolId,
    job: Option<&JobName>,
    changes: &EnvvarsChanged,
) -> Messages {
    let mut messages = Messages::default();
    let EnvvarsChanged { created, changed, unchanged: _, deleted } = changes;
    if [created, changed, deleted].iter().all(|names| names.is_empty()) {
        return messages;
    }
    let Some(known) = cx.fetch_job_states(tool).await else { return messages };
    let waits = !created.is_empty() || !changed.is_empty();
    if let Some(job) = job.filter(|job| waits && !known.jobs.contains(job)) {
        messages
            .warning
            .push(format!("the job {job} does not exist yet; the variable will apply to a job of that name"));
    }
    messages.info.extend(known.outdated.iter().map(|job| {
        format!(
            "{job} still runs with outdated variables; apply the current ones with: hearth jobs restart {job}"
        )
    }));
    messages
}
