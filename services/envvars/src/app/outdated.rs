//! What is to be said after a change: which jobs go on with former values.

use hearth_base::{JobName, ToolId};
use hearth_wire::reply::Messages;

use crate::cx::Cx;

/// Sentences about the jobs of a tool whose variables, or those of its job `job`, have just changed.
pub async fn say(cx: &Cx, tool: ToolId, job: Option<&JobName>) -> Messages {
    let mut said = Messages::default();
    let Some(known) = cx.jobs(tool).await else { return said };
    if let Some(job) = job.filter(|job| !known.jobs.contains(job)) {
        said.warning.push(format!("there is no job {job} yet: the variable waits for one of that name"));
    }
    said.info.extend(known.outdated.iter().map(|job| {
        format!(
            "{job} still runs with the former variables; to give it the new ones: hearth jobs restart {job}"
        )
    }));
    said
}
