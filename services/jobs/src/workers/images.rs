//! Follows `images`' feed: tags that mean something else by now.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Error, Result};
use hearth_kit::tasks::Stop;
use hearth_wire::{
    feed::{After, Event},
    images::internal::ImagesEvent,
};

use super::{Backoff, log};
use crate::{
    app::jobs::image_updates::{self, Moved},
    cx::Cx,
};

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let mut backoff = Backoff::up_to(Duration::from_secs(30));
    while let Some(turn) = stop.unless(turn(&cx)).await {
        match turn {
            Ok(()) => backoff.reset(),
            Err(error) => {
                log(&error, "the feed of images waits");
                backoff.wait(&stop).await;
            }
        }
    }
}

async fn turn(cx: &Cx) -> Result<()> {
    let place = cx.store.place.read().await?;
    let is_gap = |error: &Error| error.code() == "feed-gap";
    let (moved, last) = match cx.neighbours.images_feed(&After::news(place)).await {
        Ok(news) => {
            let Some(last) = news.events.last().map(|event| event.position) else { return Ok(()) };
            (news.events.into_iter().map(read).collect(), last)
        }
        // Away for longer than events are kept.
        Err(error) if is_gap(&error) => {
            let head = cx.neighbours.images_feed(&After::head()).await?.head;
            (BTreeSet::from([Moved::Any]), head)
        }
        Err(error) => return Err(error),
    };
    for moved in moved {
        image_updates::look(cx, moved).await?;
    }
    let tx = cx.store.begin_behind().await?;
    if cx.store.place.locked(&tx).await? < last {
        cx.store.place.set(&tx, last).await?;
    }
    tx.commit().await
}

fn read(Event { kind, data, .. }: Event) -> Moved {
    let said = serde_json::Value::from_iter([("kind", kind.into()), ("data", data)]);
    match serde_json::from_value(said) {
        Ok(ImagesEvent::TagMoved { tool: Some(tool), .. }) => Moved::Of(tool),
        Ok(ImagesEvent::TagMoved { tool: None, .. }) => Moved::Provided,
        // Of a newer release: whatever it is, a look does no harm.
        Err(_) => Moved::Any,
    }
}
