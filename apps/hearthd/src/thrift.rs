//! What a server's process does not need goes back to the host.

use std::{convert::Infallible, time::Duration};

/// How long a start and its first work take.
const START: Duration = Duration::from_secs(3);
/// Then, again and again: what a busy minute took is not kept.
const EVERY: Duration = Duration::from_secs(60);

/// Gives memory back, once the start is over and from time to time, for ever.
pub async fn keep() -> Infallible {
    let mut pause = START;
    loop {
        tokio::time::sleep(pause).await;
        hearth_runtime_local::give_back();
        pause = EVERY;
    }
}
