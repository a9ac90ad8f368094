//! What services ask of `jobs`, and nobody else may.

use std::net::SocketAddr;

use hearth_base::{Cursor, JobName, Limit, ToolId, ToolName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Where a tool's page is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Route)]
pub struct Route {
    /// The tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Its name.
    #[schema(value_type = String)]
    pub name: ToolName,
    /// The published job.
    #[schema(value_type = String)]
    pub job: JobName,
    /// Whether it can be asked.
    pub state: RouteState,
    /// The containers that are ready.
    #[schema(value_type = Vec<String>)]
    pub targets: Vec<SocketAddr>,
}

/// Whether a tool's page can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RouteState)]
#[serde(rename_all = "lowercase")]
pub enum RouteState {
    /// Something answers.
    Ready,
    /// Something will, soon.
    Starting,
    /// Nothing is to run.
    Stopped,
}

/// Which routes are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct RoutesQuery {
    /// How many at most: 1 to 1000, 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Limit,
    /// Where to go on: the `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// A page of routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Routes)]
pub struct Routes {
    /// The routes, by tool.
    pub routes: Vec<Route>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
    /// The feed's position when this page was read. Whoever reads all pages follows the feed from the first
    /// page's position: each event carries a whole route, so seeing one twice does no harm.
    pub position: i64,
}

/// What happened that other services must know: the events of `jobs`' feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "data")]
pub enum JobsEvent {
    /// A tool's route is this from now on.
    RouteChanged(Route),
    /// A tool has no published job any more.
    RouteRemoved {
        /// The tool.
        tool: ToolId,
    },
}
