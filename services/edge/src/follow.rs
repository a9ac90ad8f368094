//! Follows `jobs`' feed of routes. While it cannot be read, the map stays as it is.

use std::{sync::Arc, time::Duration};

use hearth_base::{Error, Result, Role};
use hearth_client::Client;
use hearth_kit::tasks::Stop;
use hearth_wire::{
    feed::{After, Event},
    jobs::internal::{JobsEvent, RoutesQuery},
};

use crate::Edge;

/// Runs until it is told to stop.
pub async fn run(edge: Arc<Edge>, stop: Stop) {
    while let Some(ended) = stop.unless(follow(&edge)).await {
        let Err(error) = ended;
        tracing::warn!(%error, cause = error.cause().map(ToString::to_string), "the routes of jobs are away");
        stop.pause(Duration::from_millis(500)).await;
    }
}

/// Reads everything, then what changes, until something goes wrong.
async fn follow(edge: &Edge) -> Result<std::convert::Infallible> {
    let jobs = edge.kit.clients.of(Role::Jobs)?;
    let mut position = read_all(edge, &jobs).await?;
    keep(edge);
    loop {
        let news = jobs.jobs().feed(&After::watched(position)).await?;
        let Some(last) = news.events.last() else { continue };
        position = last.position;
        for event in news.events {
            take(edge, event)?;
        }
        keep(edge);
    }
}

/// Where the feed was before the first page was read: events since then may be seen twice, and none is missed.
async fn read_all(edge: &Edge, jobs: &Client) -> Result<i64> {
    let mut query = RoutesQuery::default();
    let mut routes = Vec::new();
    let mut position = None;
    loop {
        let page = jobs.jobs().routes(&query).await?;
        position = position.or(Some(page.position));
        routes.extend(page.routes);
        query.cursor = page.next;
        if query.cursor.is_none() {
            edge.map.replace(routes);
            return Ok(position.unwrap_or(0));
        }
    }
}

fn take(edge: &Edge, Event { kind, data, .. }: Event) -> Result<()> {
    let known = kind.starts_with("route-");
    let said = serde_json::Value::from_iter([("kind", kind.into()), ("data", data)]);
    match serde_json::from_value(said) {
        Ok(JobsEvent::RouteChanged(route)) => edge.map.put(route),
        Ok(JobsEvent::RouteRemoved { tool }) => edge.map.remove(tool),
        Ok(JobsEvent::RunBegan(_) | JobsEvent::RunEnded(_) | JobsEvent::DueMissed(_)) => {}
        // What an edge of this release knows nothing of is not about routes.
        Err(_) if !known => {}
        Err(cause) => return Err(Error::internal(cause)),
    }
    Ok(())
}

/// Keeps the map; one that cannot be kept now serves as well until the next start.
fn keep(edge: &Edge) {
    if let Err(error) = edge.map.save() {
        tracing::warn!(%error, cause = error.cause().map(ToString::to_string), "the map of routes is not kept");
    }
}
