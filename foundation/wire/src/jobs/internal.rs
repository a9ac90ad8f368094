//! Calls of other services to `jobs`; no other caller is allowed.

use std::net::SocketAddr;

use hearth_base::{EnvironmentName, JobName, PageCursor, PageLimit, ToolId, ToolName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::JobCreate;
use crate::events::EventData;

/// Route of a web page of a tool, or of one of its environments: its published job and the addresses of ready
/// containers. Release 0.1.0 knows only pages of tools, so routes of environments have a list and event types of
/// their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Route)]
pub struct Route {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Name of the tool.
    #[schema(value_type = String)]
    pub name: ToolName,
    /// Environment whose page it is; absent for the page of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub environment: Option<EnvironmentName>,
    /// Name of the published job.
    #[schema(value_type = String)]
    pub job: JobName,
    /// State of the route.
    pub state: RouteState,
    /// Addresses of the ready containers.
    #[schema(value_type = Vec<String>)]
    pub targets: Vec<SocketAddr>,
    /// Sleep of the page; absent if it never sleeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleep: Option<RouteSleep>,
}

impl Route {
    /// Builds the host name label of the page.
    pub fn build_label(&self) -> String {
        match &self.environment {
            Some(environment) => environment.build_label(&self.name),
            None => self.name.to_string(),
        }
    }
}

/// Sleep of a page that is stopped while nobody visits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RouteSleep)]
pub struct RouteSleep {
    /// Time without visits after which it sleeps, in seconds.
    pub after: u32,
    /// True while it sleeps: the state of its route is `stopped`, and a visit wakes it.
    #[serde(default)]
    pub asleep: bool,
}

/// State of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RouteState)]
#[serde(rename_all = "lowercase")]
pub enum RouteState {
    /// At least one container is ready.
    Ready,
    /// Containers are starting.
    Starting,
    /// No container is meant to run.
    Stopped,
}

/// Page of routes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct RoutesQuery {
    /// Maximum number of routes: 1 to 1000; default 100.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: PageLimit,
    /// Cursor to continue from: the `next` value of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<PageCursor>,
}

/// One page of routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Routes)]
pub struct RoutePage {
    /// Routes, ordered by tool.
    pub routes: Vec<Route>,
    /// Cursor of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<PageCursor>,
    /// Position of the event stream at the time of this page. A consumer that has read all pages follows the
    /// stream from the first page's position: each event carries a whole route, so a duplicate does no harm.
    pub position: i64,
}

/// Public key that seals values for the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::SealingKeyOne)]
pub struct SealingKeyOne {
    /// Current public key of the runtime (X25519, RFC 7748), in base64.
    pub sealing_key: String,
}

/// Jobs of a tool and the state of their environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobsWithEnvvars)]
pub struct JobsWithEnvvars {
    /// All jobs of the tool.
    #[schema(value_type = Vec<String>)]
    pub jobs: Vec<JobName>,
    /// Continuous jobs that are running with outdated variables.
    #[schema(value_type = Vec<String>)]
    pub outdated: Vec<JobName>,
}

/// Request of a failed deployment to return a job to its former state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobRestore)]
pub struct JobRestore {
    /// Name of the tool.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// Former state of the job.
    pub state: FormerJob,
}

/// State of a job before a deployment changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::FormerJob)]
#[serde(rename_all = "snake_case")]
pub enum FormerJob {
    /// The job did not exist.
    Absent,
    /// The job had this definition.
    Definition(Box<JobCreate>),
    /// The job was a one-off job with this newest run: a newer run is stopped, and none is started.
    OneOff {
        /// Id of the newest run, if it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newest_run: Option<String>,
    },
}

/// Definitions of the jobs of a tool, as their maintainers wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobDefinitions)]
pub struct JobDefinitions {
    /// Definitions, by name.
    pub definitions: Vec<JobCreate>,
}

crate::topic! {
    /// Routes of tools' web pages, for the edge and for waiting deployments.
    pub enum RouteEvent in Jobs / "routes", for_webhooks: false {
        /// The route of a tool changed.
        Changed(Route) = "route.changed",
        /// A tool has no published job any more.
        Removed(RouteRemoved) = "route.removed",
        /// The route of an environment changed.
        EnvironmentChanged(Route) = "route.environment.changed",
        /// An environment has no published job any more.
        EnvironmentRemoved(EnvironmentRouteRemoved) = "route.environment.removed",
    }
}

/// Tool without a published job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RouteRemoved)]
pub struct RouteRemoved {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
}

/// Environment without a published job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::EnvironmentRouteRemoved)]
pub struct EnvironmentRouteRemoved {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Name of the environment.
    #[schema(value_type = String)]
    pub environment: EnvironmentName,
}

impl EventData for EnvironmentRouteRemoved {
    fn tool(&self) -> Option<ToolId> {
        Some(self.tool)
    }
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
