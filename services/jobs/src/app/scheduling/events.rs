//! The event `job.due.missed`, appended in the transaction that records the due times.

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
    context::JobsContext,
    store::{Job, LedgerEntry, LedgerOutcome},
};

/// Appends the event of due times without a run. `in_a_row` counts consecutive due times without a run.
pub async fn append_due_missed(
    cx: &JobsContext,
    tx: &Tx,
    job: &Job,
    entry: &LedgerEntry,
    in_a_row: u64,
) -> Result<()> {
    let Some(tool) = cx.store.find_tools_in(tx, [job.tool]).await?.remove(&job.tool) else { return Ok(()) };
    let reason = match &entry.outcome {
        LedgerOutcome::Missed(reason) | LedgerOutcome::Skipped(reason) => reason.clone(),
        LedgerOutcome::Ran(_) => return Ok(()),
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
    let notice = notice::build_notice(&event, job.spec.emails.unwrap_or(Emails::None));
    events::append_events(cx, tx, [AnnouncedEvent { event, notice }]).await
}
