//! Follows `jobs`' feed.

use std::time::Duration;

use hearth_base::{Error, Result, Role};
use hearth_kit::tasks::Stop;
use hearth_wire::feed::After;

use crate::{app::take, cx::Cx};

/// Between two tries while the feed cannot be read.
const PAUSE: Duration = Duration::from_secs(2);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    while let Some(turn) = stop.unless(turn(&cx)).await {
        if let Err(error) = turn {
            tracing::warn!(%error, cause = error.cause().map(ToString::to_string), "the feed of jobs waits");
            stop.pause(PAUSE).await;
        }
    }
}

async fn turn(cx: &Cx) -> Result<()> {
    let jobs = cx.clients.of(Role::Jobs)?;
    let place = cx.store.place.read().await?;
    let is_gap = |error: &Error| error.code() == "feed-gap";
    match jobs.jobs().runs_feed(&After::news(place)).await {
        Ok(news) => take::take(cx, news.events).await,
        // Away for longer than events are kept: what is left is read from its beginning.
        Err(error) if is_gap(&error) => {
            let kept = jobs.jobs().runs_feed(&After::default()).await?;
            let before = kept.events.first().map_or(kept.head, |first| first.position - 1);
            tracing::warn!(place, before, "events of jobs are no longer kept");
            take::skip_to(cx, before).await
        }
        Err(error) => Err(error),
    }
}
