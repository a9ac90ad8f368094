//! Hourly deletion of expired sessions, tokens, mandates, invitations and events.

use hearth_base::Result;
use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::{app::sign_in_attempts, context::AccountsContext};

const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// Creates the worker.
pub fn create_worker(cx: &AccountsContext) -> Worker {
    let (queue, cx) = (cx.store.queue.clone(), cx.clone());
    create_periodic_worker(&queue, "housekeeping", SWEEP_INTERVAL, move |now| delete_expired(cx.clone(), now))
}

async fn delete_expired(cx: AccountsContext, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.delete_expired_sessions(&tx, now).await?;
    cx.store.delete_expired_tokens(&tx, now).await?;
    cx.store.delete_expired_run_tokens(&tx, now).await?;
    cx.store.delete_expired_mandates(&tx, now).await?;
    cx.store.delete_expired_invitations(&tx, now).await?;
    cx.store
        .delete_expired_attempts(&tx, now.saturating_sub(sign_in_attempts::LOCKOUT_DURATION).unwrap_or(now))
        .await?;
    cx.store.events.delete_old_events(&tx, now).await?;
    tx.commit().await
}
