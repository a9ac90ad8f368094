//! Forgets, once an hour, what has run out: sessions, tokens, invitations, old events.

use hearth_base::Result;
use hearth_kit::{Worker, queue::periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::{app::guesses, cx::Cx};

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// The worker.
pub fn create_worker(cx: &Cx) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| delete_expired(cx.clone(), now))
}

async fn delete_expired(cx: Cx, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.session_sweep(&tx, now).await?;
    cx.store.token_sweep(&tx, now).await?;
    cx.store.run_token_sweep(&tx, now).await?;
    cx.store.mandate_sweep(&tx, now).await?;
    cx.store.invitation_sweep(&tx, now).await?;
    cx.store.guesses_sweep(&tx, now.saturating_sub(guesses::REST).unwrap_or(now)).await?;
    cx.store.events.delete_old(&tx, now).await?;
    tx.commit().await
}
