//! Follows `accounts`' feed, so that what was revoked is refused at once and not when its identity expires.

use std::{sync::Arc, time::Duration};

use hearth_base::{Result, Role};
use hearth_kit::tasks::Stop;
use hearth_wire::feed::After;

use crate::Gateway;

/// Runs until it is told to stop. While the feed cannot be read, identities are good for their ten seconds.
pub async fn run(gateway: Arc<Gateway>, stop: Stop) {
    while !stop.is_set() {
        let Some(Err(error)) = stop.unless(follow(&gateway)).await else { return };
        tracing::warn!(%error, cause = error.cause().map(ToString::to_string), "the feed of accounts is away");
        gateway.identities.forget();
        stop.pause(Duration::from_millis(500)).await;
    }
}

/// Follows the feed from its head until something goes wrong.
async fn follow(gateway: &Gateway) -> Result<()> {
    let accounts = gateway.kit.clients.of(Role::Accounts)?;
    // Behind everything: only the head is wanted.
    let mut position = accounts.internal().accounts_feed(&After::head()).await?.head;
    gateway.identities.forget();
    loop {
        let news = accounts.internal().accounts_feed(&After::watched(position)).await?;
        if let Some(last) = news.events.last() {
            position = last.position;
            gateway.identities.forget();
        }
    }
}
