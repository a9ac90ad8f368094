//! What services ask of `jobs`, and nobody else may.

use std::net::SocketAddr;

use hearth_base::{Cursor, JobName, Limit, ToolId, ToolName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::events::EventData;

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
    /// The stream's position when this page was read. Whoever reads all pages follows the stream from the first
    /// page's position: each event carries a whole route, so seeing one twice does no harm.
    pub position: i64,
}

/// What seals values that only the runtime opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::SealingKeyOne)]
pub struct SealingKeyOne {
    /// The public half of the runtime's key in use (X25519, RFC 7748), in base64.
    pub sealing_key: String,
}

/// How a tool's jobs stand to its variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobsWithEnvvars)]
pub struct JobsWithEnvvars {
    /// All jobs there are.
    #[schema(value_type = Vec<String>)]
    pub jobs: Vec<JobName>,
    /// The continuous ones that run with variables as they are no more.
    #[schema(value_type = Vec<String>)]
    pub outdated: Vec<JobName>,
}

crate::topic! {
    /// Where tools' pages are answered, for the edge and for deployments that wait.
    pub enum RouteEvent in Jobs / "routes", for_webhooks: false {
        /// A tool's route is this from now on.
        Changed(Route) = "route.changed",
        /// A tool has no published job any more.
        Removed(RouteRemoved) = "route.removed",
    }
}

/// A tool without a published job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RouteRemoved)]
pub struct RouteRemoved {
    /// The tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
}

impl EventData for Route {
    fn tool(&self) -> Option<ToolId> {
        Some(self.tool)
    }
}

impl EventData for RouteRemoved {
    fn tool(&self) -> Option<ToolId> {
        Some(self.tool)
    }
}
