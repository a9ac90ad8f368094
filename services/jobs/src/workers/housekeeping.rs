//! Each hour, deletes old runs, ledger entries, samples, events and unused images, and fetches the quotas of
//! all tools. Fetches the quota of a single tool on request.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Digest, ErrorKind, Result, ToolId};
use hearth_kit::{
    Worker, log_error,
    queue::{QueueItem, QueueTask, TaskName, create_periodic_worker},
};
use hearth_wire::tools::Quota;
use jiff::{SignedDuration, Timestamp};

use crate::{context::JobsContext, store::JobStore};

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// Number of rows per page of a query.
const ROWS_PER_PAGE: u64 = 500;
/// Time for which an image that no job uses stays: builds and other services use images too.
const IMAGE_UNUSED_FOR: Duration = Duration::from_secs(3600);

/// Creates the hourly worker.
pub fn create_worker(cx: &JobsContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| {
        let cx = cx.clone();
        async move { sweep(&cx, now).await }
    })
}

/// Fetches the quotas of tools; its items are tools.
pub struct FetchQuotas(pub JobsContext);

impl QueueTask for FetchQuotas {
    type Payload = ();
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<()> {
        JobStore::FETCH_QUOTA_TASK
    }

    async fn perform_item(&self, item: &QueueItem<()>, (): &()) -> Result<()> {
        refresh_quota(&self.0, item.key.parse()?, None).await
    }
}

async fn sweep(cx: &JobsContext, now: Timestamp) -> Result<()> {
    let retention = SignedDuration::from_hours(24 * i64::from(cx.settings.runs_kept));
    let before = now.saturating_sub(retention).unwrap_or(now);
    let most = cx.settings.runs_most;
    loop {
        let tx = cx.store.begin_background().await?;
        let runs = cx.store.delete_old_runs(&tx, before, most).await?;
        let due = cx.store.delete_old_ledger_entries(&tx, before, most).await?;
        tx.commit().await?;
        if runs + due == 0 {
            break;
        }
    }
    let tx = cx.store.begin_background().await?;
    cx.store.delete_old_samples(&tx, now).await?;
    tx.commit().await?;
    if let Err(error) = refresh_quotas(cx).await {
        log_error!(&error, "quotas of tools not read");
    }
    if let Err(error) = remove_unused_images(cx).await {
        log_error!(&error, "old images not removed; will retry");
    }
    let tx = cx.store.begin_background().await?;
    cx.store.events.delete_old_events(&tx, now).await?;
    tx.commit().await
}

/// Fetches the quotas of all tools: an operator may have changed them.
async fn refresh_quotas(cx: &JobsContext) -> Result<()> {
    let mut after = None;
    loop {
        let tools = cx.store.list_tools_after(after, ROWS_PER_PAGE).await?;
        let Some((last, _)) = tools.last() else { return Ok(()) };
        after = Some(*last);
        for (id, known) in tools {
            refresh_quota(cx, id, known.quota.as_ref()).await?;
        }
    }
}

/// Fetches the quota of a tool, and stores it if it differs from `known`.
async fn refresh_quota(cx: &JobsContext, tool: ToolId, known: Option<&Quota>) -> Result<()> {
    let now = match cx.peers.fetch_quota(tool).await {
        // The tool is deleted and will be erased.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        now => now?,
    };
    if known == Some(&now) {
        return Ok(());
    }
    let tx = cx.store.begin_background().await?;
    cx.store.update_tool_quota(&tx, tool, &now).await?;
    tx.commit().await
}

/// Removes images from the runtime that neither a job nor a running container uses and that were not used
/// lately. An image that is needed at the same time is delivered again.
async fn remove_unused_images(cx: &JobsContext) -> Result<()> {
    let mut keep: BTreeSet<Digest> = BTreeSet::new();
    let mut after = None;
    loop {
        let jobs = cx.store.list_jobs_after(after, ROWS_PER_PAGE).await?;
        keep.extend(jobs.iter().map(|job| job.image.digest));
        match jobs.last() {
            Some(last) => after = Some(last.id),
            None => break,
        }
    }
    let removed = cx.runtime.remove_images(&keep, IMAGE_UNUSED_FOR).await?;
    if !removed.is_empty() {
        tracing::info!(count = removed.len(), "unused images removed");
    }
    Ok(())
}
