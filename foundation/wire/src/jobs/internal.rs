//! What services ask of `jobs`, and nobody else may.

use std::net::SocketAddr;

use hearth_base::{Cursor, JobName, Limit, ToolId, ToolName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Emails, JobType, Run};

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
    /// A run's process began.
    RunBegan(RunTold),
    /// A run is over, and so is its log.
    RunEnded(RunTold),
    /// Due times of a schedule brought no run.
    DueMissed(DueTold),
}

impl JobsEvent {
    /// The kinds of events that are about routes.
    pub const ROUTES: &[&str] = &["route-changed", "route-removed"];
    /// The kinds of events that are about runs: they carry what runs wrote.
    pub const RUNS: &[&str] = &["run-began", "run-ended", "due-missed"];
}

/// A run, as it is told to whoever passes it on to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTold {
    /// The tool.
    pub tool: ToolId,
    /// Its name.
    pub name: ToolName,
    /// What sort of job it is.
    pub job_type: JobType,
    /// When its maintainers want mail.
    pub emails: Emails,
    /// Whether another try follows, or the container is started again.
    pub again: bool,
    /// The run; when it is over, with its last lines.
    pub run: Run,
}

/// Due times that brought no run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueTold {
    /// The tool.
    pub tool: ToolId,
    /// Its name.
    pub name: ToolName,
    /// The job.
    pub job: JobName,
    /// When its maintainers want mail.
    pub emails: Emails,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many they are.
    pub count: u64,
    /// Why, in a sentence.
    pub reason: String,
    /// How many due times in a row have brought no run by now.
    pub in_a_row: u64,
}
