//! Waits for conditions, never for a fixed duration.

use std::{future::Future, time::Duration};

use hearth_base::{Error, Result};

/// Polls until `poll` returns a value, for at most 30 seconds. `condition` describes it in the error message.
pub async fn wait_until<T, F: Future<Output = Result<Option<T>>>>(
    condition: &str,
    poll: impl FnMut() -> F,
) -> Result<T> {
    wait_until_within(Duration::from_secs(30), condition, poll).await
}

/// Polls until `poll` returns a value, for at most `limit`.
pub async fn wait_until_within<T, F: Future<Output = Result<Option<T>>>>(
    limit: Duration,
    condition: &str,
    mut poll: impl FnMut() -> F,
) -> Result<T> {
    let polling = async {
        loop {
            if let Some(found) = poll().await? {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(limit, polling)
        .await
        .map_err(|_| Error::internal(format!("timeout while waiting for: {condition}")))?
}
