//! Waiting with notices.

use std::time::Duration;

/// The pause between two notices: no command is silent for ten seconds.
pub const NOTICE_INTERVAL: Duration = Duration::from_secs(6);

/// Waits for `work` and calls `notify` after each period of `every`, with the number of periods so far.
pub async fn wait_with_ticks<T>(
    work: impl Future<Output = T>,
    every: Duration,
    mut notify: impl FnMut(u32),
) -> T {
    let mut work = std::pin::pin!(work);
    let mut notices = 0;
    loop {
        tokio::select! {
            // Finished work comes first: then no notice follows its end.
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(every) => {
                notices += 1;
                notify(notices);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn notices_are_repeated_while_work_goes_on() {
        const { assert!(NOTICE_INTERVAL.as_secs() < 10) };
        let (sender, mut receiver) = mpsc::unbounded_channel();
        // The work ends after the third notice.
        let work = async { while receiver.recv().await.is_some_and(|times| times < 3) {} };
        let mut notices = Vec::new();
        wait_with_ticks(work, Duration::from_millis(1), |times| {
            notices.push(times);
            sender.send(times).unwrap_or_default();
        })
        .await;
        assert!(notices.starts_with(&[1, 2, 3]), "{notices:?}");
    }

    #[tokio::test]
    async fn work_that_ends_at_once_has_no_notice() {
        assert_eq!(wait_with_ticks(async { 7 }, Duration::ZERO, |times| panic!("{times} notices")).await, 7);
    }
}
