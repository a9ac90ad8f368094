//! Runs: executions of jobs.

use hearth_base::{Cursor, JobName};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{IntoParams, ToSchema};

/// One execution of a job: of a continuous job, one container's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Run)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The job's name when it began.
    #[schema(value_type = String)]
    pub job: JobName,
    /// What it was begun by: `create`, `schedule`, `restart`, `retry`, `keep`.
    pub cause: String,
    /// The how-manieth try it is, from 1.
    pub attempt: u32,
    /// Where it stands.
    pub state: RunState,
    /// When it was due, when a schedule began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When its process began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RunEnd>,
    /// Its exit status, when its process returned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Its end, or what it waits for, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Processor time in microseconds.
    pub cpu_micros: u64,
    /// The most memory it held, in bytes.
    pub peak_memory: u64,
    /// Whether it is ready, for one that runs.
    pub ready: bool,
    /// The last lines that it wrote, three at most, the oldest first.
    #[serde(default)]
    pub last_lines: Vec<String>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunState)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It is to be started.
    Waiting,
    /// It is being started.
    Starting,
    /// It runs.
    Running,
    /// It is over.
    Ended,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunEnd)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnd {
    /// Its process returned a status.
    Exited,
    /// A signal ended it.
    Killed,
    /// It was stopped on request.
    Stopped,
    /// It needed more memory than its limit.
    OutOfMemory,
    /// It ran longer than its limit.
    TimedOut,
    /// A health check found that it does not do what it is for.
    Unhealthy,
    /// It could not be started.
    NotStarted,
    /// What became of it is not known.
    Lost,
}

/// Runs of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunsList)]
pub struct RunsList {
    /// The newest first.
    pub runs: Vec<Run>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunOne)]
pub struct RunOne {
    /// The run.
    pub run: Run,
}

/// How one run is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct RunQuery {
    /// Wait until it is over and its log is kept, so many seconds at most: 0 to 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<u32>, minimum = 0, maximum = 25)]
    pub wait: Option<Wait>,
}

/// How a program in a container is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ExecQuery {
    /// Wait until a container of the job runs, so many seconds at most: 0 to 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<u32>, minimum = 0, maximum = 25)]
    pub wait: Option<Wait>,
}

/// Seconds for which an answer may wait for something to happen: 0 to 25.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Wait(u32);

impl Wait {
    /// The longest.
    pub const MOST: Self = Self(25);

    /// The number of seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u32::deserialize(deserializer)?;
        if seconds > Self::MOST.0 {
            return Err(D::Error::custom(format!("an answer waits 0 to {} seconds", Self::MOST.0)));
        }
        Ok(Self(seconds))
    }
}

/// How many of a continuous job are to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::ReplicasPut)]
pub struct ReplicasPut {
    /// How many run side by side.
    #[schema(minimum = 1)]
    pub replicas: u16,
}

/// Which lines of a job's log are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct JobsLogsQuery {
    /// Whether to go on with new lines as they come.
    #[serde(deserialize_with = "crate::flag::optional", skip_serializing_if = "Option::is_none")]
    pub follow: Option<bool>,
    /// Only so many of the newest lines there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
}
