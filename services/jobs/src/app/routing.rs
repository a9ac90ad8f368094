//! The routes of a tool's pages: the event of each is appended in the transaction that changes it.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use hearth_base::{EnvironmentName, Result, ToolId, ToolName};
use hearth_kit::db::Tx;
use hearth_wire::jobs::internal::{
    EnvironmentRouteRemoved, Route, RouteEvent, RouteRemoved, RouteSleep, RouteState,
};

use super::definition::spec::PAGE_PORT;
use crate::{
    context::JobsContext,
    store::{Job, JobPage, Run},
};

/// Time for which a replaced container drains: every edge gets the new route, and requests under way are
/// answered.
pub const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Routes of one tool by environment; `None` for the page of the tool.
pub type ToolRoutes = BTreeMap<Option<EnvironmentName>, Route>;

/// Stores those routes of a tool that changed, and appends their events. The caller holds the tool's lock. `name` is
/// `None` for a deleted tool, which has no route.
pub async fn update_routes(cx: &JobsContext, tx: &Tx, tool: ToolId, name: Option<&ToolName>) -> Result<()> {
    let stored = cx.store.list_tool_routes_in(tx, tool).await?;
    let wanted = match name {
        Some(name) => build_routes(cx, tx, tool, name).await?,
        None => ToolRoutes::new(),
    };
    let mut events = Vec::new();
    for environment in stored.keys().filter(|environment| !wanted.contains_key(*environment)) {
        cx.store.delete_route(tx, tool, environment.as_ref()).await?;
        events.push(match environment.clone() {
            None => RouteEvent::Removed(RouteRemoved { tool }),
            Some(environment) => {
                RouteEvent::EnvironmentRemoved(EnvironmentRouteRemoved { tool, environment })
            }
        });
    }
    for (environment, route) in wanted {
        if stored.get(&environment) == Some(&route) {
            continue;
        }
        cx.store.upsert_route(tx, &route).await?;
        events.push(match environment {
            None => RouteEvent::Changed(route),
            Some(_) => RouteEvent::EnvironmentChanged(route),
        });
    }
    let events = events.iter().map(|event| cx.create_event(event)).collect::<Result<Vec<_>>>()?;
    cx.store.events.append(tx, events).await
}

/// Builds the routes of a tool's published jobs.
async fn build_routes(cx: &JobsContext, tx: &Tx, tool: ToolId, name: &ToolName) -> Result<ToolRoutes> {
    let pages = cx.store.list_page_jobs_in(tx, tool).await?;
    if pages.is_empty() {
        return Ok(ToolRoutes::new());
    }
    let alive = cx.store.list_active_runs_in(tx, tool).await?;
    let routes = pages.iter().map(|page| {
        let environment = page.page.as_ref().and_then(JobPage::find_environment).cloned();
        (environment.clone(), build_route(page, environment, name, &alive))
    });
    Ok(routes.collect())
}

/// Returns the address of a run with the port that it was created with: the job's port may differ by now.
fn find_target_address(run: &Run) -> Option<SocketAddr> {
    run.address.map(|address| (address, run.port.unwrap_or(PAGE_PORT)).into())
}

fn build_route(page: &Job, environment: Option<EnvironmentName>, name: &ToolName, alive: &[Run]) -> Route {
    let ready = alive.iter().filter(|run| run.job == page.id && run.ready);
    let targets: Vec<SocketAddr> = ready.filter_map(find_target_address).collect();
    let (state, targets) = match (page.is_awake(), targets.is_empty()) {
        (false, _) => (RouteState::Stopped, Vec::new()),
        (true, true) => (RouteState::Starting, targets),
        (true, false) => (RouteState::Ready, targets),
    };
    let sleep = page.spec.sleep_seconds().map(|after| RouteSleep { after, asleep: page.asleep.is_some() });
    Route { tool: page.tool, name: name.clone(), environment, job: page.name.clone(), state, targets, sleep }
}
