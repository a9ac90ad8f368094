//! The event of due times that brought no run, appended in the change that makes it true.

use hearth_base::Result;
use hearth_kit::db::Tx;
use hearth_wire::jobs::{
    Emails,
    events::{DueMissedData, RunEvent},
};

use crate::{
    app::runs::{
        events::{self, AnnouncedEvent},
        notice,
    },
    cx::Cx,
    store::{Entry, Job, Outcome},
};

/// Appends the event of due times that brought no run.
pub async fn append_due_missed(cx: &Cx, tx: &Tx, job: &Job, entry: &Entry, in_a_row: u64) -> Result<()> {
    let Some(tool) = cx.store.tools_in(tx, [job.tool]).await?.remove(&job.tool) else { return Ok(()) };
    let reason = match &entry.outcome {
        Outcome::Missed(reason) | Outcome::Skipped(reason) => reason.clone(),
        Outcome::Ran(_) => return Ok(()),
    };
    let event = RunEvent::DueMissed(DueMissedData {
        tool: tool.name,
        tool_id: job.tool,
        job: job.name.clone(),
        first: entry.due,
        last: entry.until,
        count: entry.count,
        reason,
        in_a_row,
    });
    let notice = notice::of_event(&event, job.spec.emails.unwrap_or(Emails::None));
    events::append_events(cx, tx, [AnnouncedEvent { event, notice }]).await
}
