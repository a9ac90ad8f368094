//! Due times that brought no run, told to whoever passes it on to people, in the change that makes it so.

use hearth_base::Result;
use hearth_kit::db::Tx;
use hearth_wire::jobs::{
    Emails,
    internal::{DueTold, JobsEvent},
};

use crate::{
    cx::Cx,
    store::{Entry, Job, Outcome},
};

/// Tells of due times that brought no run.
pub async fn due(cx: &Cx, tx: &Tx, job: &Job, entry: &Entry, in_a_row: u64) -> Result<()> {
    let Some(tool) = cx.store.tools_in(tx, [job.tool]).await?.remove(&job.tool) else { return Ok(()) };
    let reason = match &entry.outcome {
        Outcome::Missed(reason) | Outcome::Skipped(reason) => reason.clone(),
        Outcome::Ran(_) => return Ok(()),
    };
    let event = JobsEvent::DueMissed(DueTold {
        tool: job.tool,
        name: tool.name,
        job: job.name.clone(),
        emails: job.spec.emails.unwrap_or(Emails::None),
        first: entry.due,
        last: entry.until,
        count: entry.count,
        reason,
        in_a_row,
    });
    cx.tell(tx, [event]).await
}
