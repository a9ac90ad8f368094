//! Timer for a peer that is waited for: it ends one long wait, and many short ones that add up.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Minimum average rate of a peer that is waited for, in bytes per second, after the first timeout.
const MIN_BYTES_PER_SECOND: u64 = 500;

/// Measures the time in which a peer is waited for. It expires after one wait of `timeout`, and when all waits together
/// exceed `timeout` and the time that the transferred bytes take at [`MIN_BYTES_PER_SECOND`].
///
/// | event | call |
/// |---|---|
/// | the peer is not ready | [`StallTimer::poll_expired`], until progress |
/// | bytes were transferred | [`StallTimer::record_progress`] |
///
/// Only waiting counts: a slow producer on Hearth's side does not let the timer expire.
#[derive(Debug)]
pub struct StallTimer {
    timeout: Option<Duration>,
    waited: Duration,
    waiting_since: Option<Instant>,
    transferred: u64,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl StallTimer {
    /// A timer with this timeout; `None`: it never expires.
    pub const fn new(timeout: Option<Duration>) -> Self {
        Self { timeout, waited: Duration::ZERO, waiting_since: None, transferred: 0, sleep: None }
    }

    /// Records transferred bytes, which end a wait.
    pub fn record_progress(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
            self.sleep = None;
        }
        self.transferred = self.transferred.saturating_add(bytes as u64);
    }

    /// Begins or continues a wait. Ready when the timer has expired.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(timeout) = self.timeout else { return Poll::Pending };
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let until = since + self.compute_allowed_wait(timeout);
        self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until))).as_mut().poll(cx)
    }

    /// Computes how long the next wait may take.
    fn compute_allowed_wait(&self, timeout: Duration) -> Duration {
        let earned = Duration::from_secs(self.transferred / MIN_BYTES_PER_SECOND);
        timeout.saturating_add(earned).saturating_sub(self.waited).min(timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL_TIMEOUT: Duration = Duration::from_secs(60);

    /// The allowed wait of a peer that has transferred `bytes` in waits of `waited` seconds together.
    fn allowed_wait_after(bytes: u64, waited: u64) -> Duration {
        let mut timer = StallTimer::new(Some(STALL_TIMEOUT));
        (timer.transferred, timer.waited) = (bytes, Duration::from_secs(waited));
        timer.compute_allowed_wait(STALL_TIMEOUT)
    }

    #[test]
    fn trickle_uses_up_the_allowed_wait_and_a_slow_line_does_not() {
        assert_eq!(allowed_wait_after(0, 0), STALL_TIMEOUT);
        assert_eq!(allowed_wait_after(40, 40), Duration::from_secs(20));
        assert_eq!(allowed_wait_after(60, 60), Duration::ZERO);
        assert_eq!(allowed_wait_after(500_000, 500), STALL_TIMEOUT);
        // A fast transfer does not earn a long wait.
        assert_eq!(allowed_wait_after(1 << 40, 0), STALL_TIMEOUT);
    }

    #[tokio::test]
    async fn progress_restarts_the_wait_and_without_a_timeout_it_never_expires() {
        let mut timer = StallTimer::new(Some(Duration::ZERO));
        std::future::poll_fn(|cx| timer.poll_expired(cx)).await;
        timer.record_progress(1);
        assert!(timer.waiting_since.is_none() && timer.sleep.is_none());
        let mut endless = StallTimer::new(None);
        let polled = std::future::poll_fn(|cx| Poll::Ready(endless.poll_expired(cx))).await;
        assert_eq!(polled, Poll::Pending);
    }
}
