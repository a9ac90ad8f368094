//! Runs: executions of jobs.

use hearth_base::{JobName, PageCursor};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{IntoParams, ToSchema};

/// Execution of a job; for a continuous job, one container from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Run)]
pub struct Run {
    /// Id of the run.
    pub id: String,
    /// Name of the job at the start of the run.
    #[schema(value_type = String)]
    pub job: JobName,
    /// Cause of the run: `create`, `schedule`, `restart`, `retry`, `keep`.
    pub cause: String,
    /// Number of the attempt, from 1; for a container, its start count.
    pub attempt: u32,
    /// State of the run.
    pub state: RunState,
    /// Due time, for a scheduled run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// Time of the request.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Start of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// End of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
    /// Kind of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RunEnd>,
    /// Exit status, if the process returned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Signal that ended the process, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Reason of the end, or of the current wait, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// CPU time in microseconds.
    pub cpu_micros: u64,
    /// Peak memory in bytes.
    pub peak_memory: u64,
    /// True when a running container is ready.
    pub ready: bool,
    /// Last lines of output, at most three, oldest first. The first one may be an earlier line that names the
    /// error.
    #[serde(default)]
    pub last_lines: Vec<String>,
    /// The line of the output that says why a failed run ended, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_line: Option<String>,
    /// True for a stopped container whose place a newer one took: its job was changed, deployed or restarted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaced: bool,
    /// Problem of a running container that is not ready; `reason` describes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<RunProblem>,
}

/// Problem of a running container that is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunProblem)]
#[serde(rename_all = "kebab-case")]
pub enum RunProblem {
    /// The program listens on 127.0.0.1 only, which nothing outside of its container reaches.
    ListensOnLoopback,
    /// The program listens on another port than the job's.
    ListensOnOtherPort,
    /// Another problem.
    #[serde(other)]
    Other,
}

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunState)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// The run waits for its start.
    Waiting,
    /// The run is starting.
    Starting,
    /// The process is running.
    Running,
    /// The run has ended.
    Ended,
}

/// Kind of a run's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunEnd)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnd {
    /// The process returned an exit status.
    Exited,
    /// A signal ended the process.
    Killed,
    /// The run was stopped on request.
    Stopped,
    /// The run exceeded its memory limit.
    OutOfMemory,
    /// The run exceeded its time limit.
    TimedOut,
    /// A health check failed.
    Unhealthy,
    /// The run could not be started.
    NotStarted,
    /// The outcome is unknown.
    Lost,
}

/// Runs of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunsList)]
pub struct RunsList {
    /// Runs, newest first.
    pub runs: Vec<Run>,
    /// Cursor of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<PageCursor>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunOne)]
pub struct RunOne {
    /// The run.
    pub run: Run,
}

/// Options of showing one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct RunQuery {
    /// Seconds to wait until the run has ended and its log is stored: 0 to 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<u32>, minimum = 0, maximum = 25)]
    pub wait: Option<WaitSeconds>,
}

/// Options of running a program in a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ExecQuery {
    /// Seconds to wait for a running container of the job: 0 to 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<u32>, minimum = 0, maximum = 25)]
    pub wait: Option<WaitSeconds>,
}

/// Seconds that a response may wait for a change: 0 to 25.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WaitSeconds(u32);

impl WaitSeconds {
    /// Maximum wait.
    pub const MAX_WAIT: Self = Self(25);

    /// Returns the number of seconds.
    pub fn as_seconds(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for WaitSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u32::deserialize(deserializer)?;
        if seconds > Self::MAX_WAIT.0 {
            return Err(D::Error::custom(format!(
                "invalid wait: expected 0 to {} seconds",
                Self::MAX_WAIT.0
            )));
        }
        Ok(Self(seconds))
    }
}

/// Number of replicas of a continuous job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::ReplicasPut)]
pub struct ReplicasPut {
    /// Number of replicas.
    #[schema(minimum = 1)]
    pub replicas: u16,
}

/// Options of reading a job's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct JobsLogsQuery {
    /// True: follow the log.
    #[serde(
        deserialize_with = "crate::query_flag::deserialize_optional_flag",
        skip_serializing_if = "Option::is_none"
    )]
    pub follow: Option<bool>,
    /// Maximum number of existing lines; the newest ones are returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
}
