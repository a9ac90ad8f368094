//! Pauses after failed attempts to deliver to a webhook.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use hearth_base::WebhookId;
use jiff::{SignedDuration, Timestamp};

/// The pauses between attempts, in seconds. Their sum is about three days.
const RETRY_PAUSES: [i64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Returns the pause after `failures` failed attempts, from 1. `None`: no more attempts.
pub fn retry_pause(failures: usize) -> Option<SignedDuration> {
    let pause = RETRY_PAUSES.get(failures.checked_sub(1)?);
    pause.copied().map(SignedDuration::from_secs)
}

/// The webhooks whose last attempt failed, with their consecutive failures and the end of their pause. A
/// webhook with slow refusals delays the deliveries to others by one answer, not by one answer for each of
/// its waiting deliveries.
#[derive(Debug, Clone, Default)]
pub struct WebhookBackoff(Arc<Mutex<BTreeMap<WebhookId, (usize, Timestamp)>>>);

impl WebhookBackoff {
    /// Returns the end of a webhook's pause; `None` if it has none.
    pub fn paused_until(&self, webhook: WebhookId, now: Timestamp) -> Option<Timestamp> {
        let paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paused.get(&webhook).map(|(_, until)| *until).filter(|until| *until > now)
    }

    /// Records a failed attempt. Attempts that were made at the same time count once.
    pub fn record_failure(&self, webhook: WebhookId, now: Timestamp) {
        let mut paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (failures, until) = paused.entry(webhook).or_insert((0, now));
        if *until > now {
            return;
        }
        *failures = failures.saturating_add(1).min(RETRY_PAUSES.len());
        *until = now + retry_pause(*failures).unwrap_or_default();
    }

    /// Ends a webhook's pause: an attempt succeeded, or the webhook was changed.
    pub fn reset(&self, webhook: WebhookId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&webhook);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_failures_count_once() {
        let (backoff, now) = (WebhookBackoff::default(), Timestamp::UNIX_EPOCH);
        let webhook = WebhookId::new(now, &hearth_base::Entropy::System);
        for (at, pause) in [(0, RETRY_PAUSES[0]), (RETRY_PAUSES[0], RETRY_PAUSES[1])] {
            let at = now + SignedDuration::from_secs(at);
            for _ in 0..4 {
                backoff.record_failure(webhook, at);
            }
            assert_eq!(backoff.paused_until(webhook, at), Some(at + SignedDuration::from_secs(pause)));
        }
        backoff.reset(webhook);
        assert_eq!(backoff.paused_until(webhook, now), None);
    }
}
