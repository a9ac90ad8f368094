//! Hourly deletion of expired sessions, tokens, mandates, codes, offers, events and audit entries.

use hearth_base::Result;
use hearth_kit::{Worker, queue::create_periodic_worker};
use jiff::{SignedDuration, Timestamp};

use crate::{app::attempts, context::AccountsContext};

/// Age at which withdrawn requests are deleted: from then on they do not count against the limit of a day.
const WITHDRAWN_REQUEST_AGE: SignedDuration = SignedDuration::from_hours(24);
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
    let kept = SignedDuration::from_hours(24 * i64::from(cx.settings.request_days));
    cx.store.delete_old_requests(&tx, now.saturating_sub(kept).unwrap_or(now)).await?;
    cx.store.delete_withdrawn_requests(&tx, now - WITHDRAWN_REQUEST_AGE).await?;
    cx.store.events.delete_old_events(&tx, now).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use hearth_base::PageLimit;
    use hearth_kit::{config::HearthConfig, db::Db};
    use hearth_testkit::on_every_store;

    use super::*;
    use crate::{AccountsSettings, context::test_context::build_test_context, store::AuditFilter};

    async fn audit_entries_with_their_addresses_are_kept_as_long_as_the_operator_says(db: Db) -> Result<()> {
        let mut config = HearthConfig::default();
        config.change_section(|accounts: &mut AccountsSettings| accounts.audit_days = 30);
        let (cx, _stand) = build_test_context(db, config).await?;
        let mut actor = cx.build_system_actor();
        actor.client = Some([192, 0, 2, 7].into());
        let now = actor.now;
        for days in [31, 29] {
            actor.now = now - SignedDuration::from_hours(24 * days);
            let tx = cx.store.begin().await?;
            cx.record_audit_entry(&tx, &actor, "tool.create", None, format!("of {days} days ago")).await?;
            tx.commit().await?;
        }
        delete_expired(cx.clone(), now).await?;
        let filter = AuditFilter { action: Some("tool.create"), ..AuditFilter::default() };
        let kept = cx.store.list_audit_entries(filter, PageLimit::new(10)?, None).await?.items;
        assert!(matches!(&kept[..], [entry] if entry.subject == "of 29 days ago"), "{kept:?}");
        assert_eq!(kept[0].client.as_deref(), Some("192.0.2.7"));
        Ok(())
    }

    on_every_store!(audit_entries_with_their_addresses_are_kept_as_long_as_the_operator_says);
}
