//! What is to be said after a change: which jobs go on with former values.

use hearth_base::{JobName, ToolId};
use hearth_wire::{envvars::EnvvarsChanged, reply::Messages};

use crate::cx::Cx;

/// Sentences about the jobs of a tool whose variables, or those of its job `job`, have just changed in this way.
pub async fn say(cx: &Cx, tool: ToolId, job: Option<&JobName>, changes: &EnvvarsChanged) -> Messages {
    let mut said = Messages::default();
    let EnvvarsChanged { created, changed, unchanged: _, deleted } = changes;
    if [created, changed, deleted].iter().all(|names| names.is_empty()) {
        return said;
    }
    let Some(known) = cx.jobs(tool).await else { return said };
    let waits = !created.is_empty() || !changed.is_empty();
    if let Some(job) = job.filter(|job| waits && !known.jobs.contains(job)) {
        said.warning.push(format!("there is no job {job} yet: the variable waits for one of that name"));
    }
    said.info.extend(known.outdated.iter().map(|job| {
        format!(
            "{job} still runs with the former variables; to give it the new ones: hearth jobs restart {job}"
        )
    }));
    said
}
