//! Where a tool's page is answered: told to others in the change that makes it so.

use std::{net::SocketAddr, time::Duration};

use hearth_base::{Result, ToolId, ToolName};
use hearth_kit::db::Tx;
use hearth_wire::jobs::internal::{Route, RouteEvent, RouteRemoved, RouteState};

use super::definition::spec::PAGE_PORT;
use crate::{
    cx::Cx,
    store::{Job, Run},
};

/// The time for which a replaced container goes on: until every edge has learned of it, and what visitors asked is
/// answered.
pub const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Compares a tool's route with what was told last, and tells what is different; under the tool's lock. A tool
/// without a name is ending, and has no route.
pub async fn refresh(cx: &Cx, tx: &Tx, tool: ToolId, name: Option<&ToolName>) -> Result<()> {
    let told = cx.store.route_in(tx, tool).await?;
    let route = match (cx.store.page_in(tx, tool).await?, name) {
        (Some(page), Some(name)) => Some(route(&page, name, &cx.store.runs_alive_in(tx, tool).await?)),
        _ => None,
    };
    if told == route {
        return Ok(());
    }
    let event = match route {
        Some(route) => {
            cx.store.route_put(tx, &route).await?;
            RouteEvent::Changed(route)
        }
        None => {
            cx.store.route_remove(tx, tool).await?;
            RouteEvent::Removed(RouteRemoved { tool })
        }
    };
    cx.store.events.append(tx, [cx.event(&event)?]).await
}

/// Where a run answers: what it replaces, or is replaced by, may do so at another port.
fn target(run: &Run) -> Option<SocketAddr> {
    run.address.map(|address| (address, run.port.unwrap_or(PAGE_PORT)).into())
}

fn route(page: &Job, name: &ToolName, alive: &[Run]) -> Route {
    let ready = alive.iter().filter(|run| run.job == page.id && run.ready);
    let targets: Vec<SocketAddr> = ready.filter_map(target).collect();
    let (state, targets) = match (page.paused, targets.is_empty()) {
        (Some(_), _) => (RouteState::Stopped, Vec::new()),
        (None, true) => (RouteState::Starting, targets),
        (None, false) => (RouteState::Ready, targets),
    };
    Route { tool: page.tool, name: name.clone(), job: page.name.clone(), state, targets }
}
