//! Waiting for a condition, never for a duration.

use std::{future::Future, time::Duration};

use hearth_base::{Error, Result};

/// Asks again and again until `ask` gives something, at most half a minute.
pub async fn until<T, F: Future<Output = Result<Option<T>>>>(
    what: &str,
    ask: impl FnMut() -> F,
) -> Result<T> {
    until_within(Duration::from_secs(30), what, ask).await
}

/// The same for what takes longer, by the clock for instance.
pub async fn until_within<T, F: Future<Output = Result<Option<T>>>>(
    most: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> Result<T> {
    let asking = async {
        loop {
            if let Some(found) = ask().await? {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(most, asking)
        .await
        .map_err(|_| Error::internal(format!("waited in vain for: {what}")))?
}
