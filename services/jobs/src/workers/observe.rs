//! Follows the runtime's reports of workload states; after each failure, from a complete report.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::Result;
use hearth_kit::{backoff::Backoff, log_error, tasks::ShutdownSignal};
use hearth_runtime_api::{Cursor, WorkloadId};

use super::FIRST_PAUSE;
use crate::{app, context::JobsContext};

const OBSERVE_TIMEOUT: Duration = Duration::from_secs(25);
/// Maximum number of workloads that one transaction changes: other transactions wait for its locks.
const MAX_WORKLOADS_PER_TRANSACTION: usize = 16;
/// Maximum number of workloads that one transaction enqueues.
const MAX_ENQUEUED_PER_TRANSACTION: usize = 500;

/// Runs until the process stops.
pub async fn run(cx: JobsContext, stop: ShutdownSignal) {
    let mut backoff = Backoff::new(FIRST_PAUSE, Duration::from_secs(5));
    while !stop.is_set() {
        match stop.run_until_shutdown(follow_runtime(&cx, &mut backoff)).await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => log_error!(&error, "runtime not observed; will retry"),
        }
        if backoff.pause(&stop).await {
            return;
        }
    }
}

/// Follows reports until an error.
async fn follow_runtime(cx: &JobsContext, backoff: &mut Backoff) -> Result<()> {
    let mut cursor: Option<Cursor> = None;
    loop {
        let wait = if cursor.is_some() { OBSERVE_TIMEOUT } else { Duration::ZERO };
        let seen = cx.runtime.observe_workloads(cursor, wait).await?;
        for states in seen.workloads.chunks(MAX_WORKLOADS_PER_TRANSACTION) {
            app::workloads::observe::record_states(cx, states).await?;
        }
        if seen.complete {
            resync_workloads(cx).await?;
        }
        backoff.reset_pause();
        cursor = Some(seen.cursor);
    }
}

/// After a complete report: records workloads that the runtime does not have although they were applied, and
/// enqueues all workloads that reconcile has to handle, so that those waiting for the runtime are retried at
/// once.
async fn resync_workloads(cx: &JobsContext) -> Result<()> {
    // Read before the second report: every workload applied by now must be in it.
    let applied = cx.store.list_applied_workload_ids().await?;
    let seen = cx.runtime.observe_workloads(None, Duration::ZERO).await?;
    let reported: BTreeSet<WorkloadId> = seen.workloads.iter().map(|state| state.id).collect();
    for id in applied.into_iter().filter(|id| !reported.contains(id)) {
        app::workloads::observe::record_missing(cx, id).await?;
    }
    for pending in cx.store.list_pending_workload_ids().await?.chunks(MAX_ENQUEUED_PER_TRANSACTION) {
        let tx = cx.store.begin_background().await?;
        cx.store.enqueue_reconciles(&tx, pending.iter().map(|id| (*id, cx.now()))).await?;
        tx.commit().await?;
    }
    Ok(())
}
