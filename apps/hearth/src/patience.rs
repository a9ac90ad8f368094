//! Waiting, but not in silence.

use std::time::Duration;

/// How long may pass without a word: nobody looks at a silent program for ten seconds without a doubt.
pub const SILENCE: Duration = Duration::from_secs(6);

/// Waits for `work`; each time that another `every` has passed, `tell` is told how many have.
pub async fn during<T>(work: impl Future<Output = T>, every: Duration, mut tell: impl FnMut(u32)) -> T {
    let mut work = std::pin::pin!(work);
    let mut told = 0;
    loop {
        tokio::select! {
            // What is done is done, and nothing is said of waiting for it.
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(every) => {
                told += 1;
                tell(told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_told_again_and_again() {
        const { assert!(SILENCE.as_secs() < 10) };
        let (say, mut said) = mpsc::unbounded_channel();
        // It is over when it has been told of three times.
        let work = async { while said.recv().await.is_some_and(|times| times < 3) {} };
        let mut heard = Vec::new();
        during(work, Duration::from_millis(1), |times| {
            heard.push(times);
            say.send(times).unwrap_or_default();
        })
        .await;
        assert!(heard.starts_with(&[1, 2, 3]), "{heard:?}");
    }

    #[tokio::test]
    async fn what_is_done_at_once_is_not_told_of() {
        assert_eq!(during(async { 7 }, Duration::ZERO, |times| panic!("told {times} times")).await, 7);
    }
}
