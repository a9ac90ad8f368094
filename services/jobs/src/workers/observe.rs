//! Follows what the runtime says of its workloads, from the beginning after each break.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::Result;
use hearth_kit::{backoff::Backoff, log_error, tasks::Stop};
use hearth_runtime_api::{Cursor, WorkloadId};

use super::FIRST_PAUSE;
use crate::{app, cx::Cx};

const WAIT: Duration = Duration::from_secs(25);
/// The most workloads that one transaction changes: other transactions wait for its locks.
const MAX_WORKLOADS_PER_TRANSACTION: usize = 16;
/// The most that are asked for in one change.
const ASKED: usize = 500;

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let mut backoff = Backoff::new(FIRST_PAUSE, Duration::from_secs(5));
    while !stop.is_set() {
        match stop.unless(follow(&cx, &mut backoff)).await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => log_error!(&error, "runtime not observed; will retry"),
        }
        if backoff.pause(&stop).await {
            return;
        }
    }
}

/// Follows until something goes wrong.
async fn follow(cx: &Cx, backoff: &mut Backoff) -> Result<()> {
    let mut cursor: Option<Cursor> = None;
    loop {
        let wait = if cursor.is_some() { WAIT } else { Duration::ZERO };
        let seen = cx.runtime.observe(cursor, wait).await?;
        for states in seen.workloads.chunks(MAX_WORKLOADS_PER_TRANSACTION) {
            app::workloads::observe::seen(cx, states).await?;
        }
        if seen.complete {
            complete(cx).await?;
        }
        backoff.reset();
        cursor = Some(seen.cursor);
    }
}

/// What the runtime should have and has not; and whatever waited for it to come back is looked at now.
async fn complete(cx: &Cx) -> Result<()> {
    // Read before the runtime is asked once more: what it was told by now, it must know.
    let told = cx.store.workloads_told().await?;
    let seen = cx.runtime.observe(None, Duration::ZERO).await?;
    let there: BTreeSet<WorkloadId> = seen.workloads.iter().map(|state| state.id).collect();
    for id in told.into_iter().filter(|id| !there.contains(id)) {
        app::workloads::observe::missing(cx, id).await?;
    }
    for open in cx.store.workloads_open().await?.chunks(ASKED) {
        let tx = cx.store.begin_behind().await?;
        cx.store.ask_all(&tx, open.iter().map(|id| (*id, cx.now()))).await?;
        tx.commit().await?;
    }
    Ok(())
}
