//! Hourly deletion of expired sessions, tokens, mandates, codes, offers, events and audit entries.

use hearth_base::Result;
use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::{app::attempts, context::AccountsContext};

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
    cx.store.delete_expired_devices(&tx, now).await?;
    cx.store.delete_expired_recovery_codes(&tx, now).await?;
    cx.store.delete_expired_email_codes(&tx, now).await?;
    cx.store.delete_expired_offers(&tx, now).await?;
    let lock = attempts::lock_duration(&cx.settings);
    cx.store.delete_expired_attempts(&tx, now.saturating_sub(lock).unwrap_or(now)).await?;
    if cx.settings.audit_days > 0 {
        let kept = SignedDuration::from_hours(24 * i64::from(cx.settings.audit_days));
        cx.store.delete_old_audit_entries(&tx, now.saturating_sub(kept).unwrap_or(now)).await?;
    }
    cx.store.events.delete_old_events(&tx, now).await?;
    tx.commit().await
}
