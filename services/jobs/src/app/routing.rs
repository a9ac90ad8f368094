//! The route of a tool's page: its event is appended in the transaction that changes it.

use std::{net::SocketAddr, time::Duration};

use hearth_base::{Result, ToolId, ToolName};
use hearth_kit::db::Tx;
use hearth_wire::jobs::internal::{Route, RouteEvent, RouteRemoved, RouteState};

use super::definition::spec::PAGE_PORT;
use crate::{
    context::JobsContext,
    store::{Job, Run},
};

/// Time for which a replaced container drains: every edge gets the new route, and requests under way are
/// answered.
pub const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Stores a tool's route and appends its event, if it changed. The caller holds the tool's lock. `name` is
/// `None` for a deleted tool, which has no route.
pub async fn update_route(cx: &JobsContext, tx: &Tx, tool: ToolId, name: Option<&ToolName>) -> Result<()> {
    let stored = cx.store.find_route_in(tx, tool).await?;
    let route = match (cx.store.find_page_job_in(tx, tool).await?, name) {
        (Some(page), Some(name)) => {
            Some(build_route(&page, name, &cx.store.list_active_runs_in(tx, tool).await?))
        }
        _ => None,
    };
    if stored == route {
        return Ok(());
    }
    let event = match route {
        Some(route) => {
            cx.store.upsert_route(tx, &route).await?;
            RouteEvent::Changed(route)
        }
        None => {
            cx.store.delete_route(tx, tool).await?;
            RouteEvent::Removed(RouteRemoved { tool })
        }
    };
    cx.store.events.append(tx, [cx.create_event(&event)?]).await
}

/// Returns the address of a run with the port that it was created with: the job's port may differ by now.
fn find_target_address(run: &Run) -> Option<SocketAddr> {
    run.address.map(|address| (address, run.port.unwrap_or(PAGE_PORT)).into())
}

fn build_route(page: &Job, name: &ToolName, alive: &[Run]) -> Route {
    let ready = alive.iter().filter(|run| run.job == page.id && run.ready);
    let targets: Vec<SocketAddr> = ready.filter_map(find_target_address).collect();
    let (state, targets) = match (page.paused, targets.is_empty()) {
        (Some(_), _) => (RouteState::Stopped, Vec::new()),
        (None, true) => (RouteState::Starting, targets),
        (None, false) => (RouteState::Ready, targets),
    };
    Route { tool: page.tool, name: name.clone(), job: page.name.clone(), state, targets }
}
