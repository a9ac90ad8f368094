//! Asks what tools may use, once an hour and when somebody wants to know; and forgets, once an hour, what is old: runs,
//! what became of due times, events, images that no job uses.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Digest, Kind, Result, ToolId};
use hearth_kit::{
    Worker, log_error,
    queue::{QueueItem, Task, TaskName, periodic_worker},
};
use hearth_wire::tools::Quota;
use jiff::{SignedDuration, Timestamp};

use crate::{cx::Cx, store::Store};

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// The most rows that are read at one time.
const PAGE_SIZE: u64 = 500;
/// The time for which an image that no job uses stays: builds and others use images too.
const IMAGE_UNUSED_FOR: Duration = Duration::from_secs(3600);

/// The worker that forgets what is old.
pub fn create_worker(cx: &Cx) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| {
        let cx = cx.clone();
        async move { sweep(&cx, now).await }
    })
}

/// Asks what a tool may use; its items are tools.
pub struct FetchQuotas(pub Cx);

impl Task for FetchQuotas {
    type Payload = ();
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<()> {
        Store::QUOTA
    }

    async fn perform(&self, item: &QueueItem<()>, (): &()) -> Result<()> {
        quota(&self.0, item.key.parse()?, None).await
    }
}

async fn sweep(cx: &Cx, now: Timestamp) -> Result<()> {
    let kept = SignedDuration::from_hours(24 * i64::from(cx.settings.runs_kept));
    let before = now.saturating_sub(kept).unwrap_or(now);
    let most = cx.settings.runs_most;
    loop {
        let tx = cx.store.begin_behind().await?;
        let runs = cx.store.runs_sweep(&tx, before, most).await?;
        let due = cx.store.ledger_sweep(&tx, before, most).await?;
        tx.commit().await?;
        if runs + due == 0 {
            break;
        }
    }
    let tx = cx.store.begin_behind().await?;
    cx.store.samples_sweep(&tx, now).await?;
    tx.commit().await?;
    if let Err(error) = quotas(cx).await {
        log_error!(&error, "quotas of tools not read");
    }
    if let Err(error) = remove_images(cx).await {
        log_error!(&error, "old images not removed; will retry");
    }
    let tx = cx.store.begin_behind().await?;
    cx.store.events.delete_old(&tx, now).await?;
    tx.commit().await
}

/// Asks what tools may use: an operator may have changed it.
async fn quotas(cx: &Cx) -> Result<()> {
    let mut after = None;
    loop {
        let tools = cx.store.tools_after(after, PAGE_SIZE).await?;
        let Some((last, _)) = tools.last() else { return Ok(()) };
        after = Some(*last);
        for (id, known) in tools {
            quota(cx, id, known.quota.as_ref()).await?;
        }
    }
}

/// Asks what a tool may use, and notes it when it is not what was known.
async fn quota(cx: &Cx, tool: ToolId, known: Option<&Quota>) -> Result<()> {
    let now = match cx.neighbours.quota(tool).await {
        // It is being erased.
        Err(error) if error.kind() == Kind::NotFound => return Ok(()),
        now => now?,
    };
    if known == Some(&now) {
        return Ok(());
    }
    let tx = cx.store.begin_behind().await?;
    cx.store.tool_quota(&tx, tool, &now).await?;
    tx.commit().await
}

/// Has images removed that neither a job nor a running container uses, nor anything else has used lately. One that is
/// needed at this very moment is brought again.
async fn remove_images(cx: &Cx) -> Result<()> {
    let mut keep: BTreeSet<Digest> = BTreeSet::new();
    let mut after = None;
    loop {
        let jobs = cx.store.jobs_after(after, PAGE_SIZE).await?;
        keep.extend(jobs.iter().map(|job| job.image.digest));
        match jobs.last() {
            Some(last) => after = Some(last.id),
            None => break,
        }
    }
    let removed = cx.runtime.remove_images(&keep, IMAGE_UNUSED_FOR).await?;
    if !removed.is_empty() {
        tracing::info!(count = removed.len(), "images that nobody uses were removed");
    }
    Ok(())
}
