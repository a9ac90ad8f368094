//! A job as it is.

use hearth_base::{Cpu, JobName, Memory};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Checks, Concurrency, Emails, HealthCheck, HealthCheckWritten, JobType, MountMode, PortProtocol,
    StopPolicy,
    create::{publish_out, with_job_fields},
};

with_job_fields! {
    /// A job: what was asked for, and how it is. Without `include_unset` only what its maintainers set is here,
    /// beside what is always there.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[schema(as = jobs::Job)]
    pub struct Job {
        /// Its name.
        #[schema(value_type = String)]
        pub name: JobName,
        /// The sort of job.
        pub job_type: JobType,
        /// The image as it was asked for.
        pub imagename: String,
        /// The image's short name.
        pub image: String,
        /// How the image is: `stable`, `deprecated`, `unknown`.
        pub image_state: String,
        /// The command.
        pub cmd: String,
        /// How it is, in a word or two.
        pub status_short: String,
        /// How it is, in a sentence.
        pub status_long: String,
        /// How it is, for programs.
        pub status: JobStatus,
        /// Whether it is continuous, for older clients.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub continuous: Option<bool>,
        /// When it runs, as it was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule: Option<String>,
        /// When it runs, in five fields.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule_actual: Option<String>,
        /// `/` when it is the tool's page.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "publish_out",
            deserialize_with = "published"
        )]
        #[schema(value_type = Option<String>)]
        pub publish: Option<bool>,
    }
}

fn published<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let given = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(given.map(|given| given == "/" || given == true))
}

/// How a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobStatus)]
pub struct JobStatus {
    /// In a word.
    pub short: StatusShort,
    /// In sentences.
    pub messages: Vec<String>,
    /// For how long, as in `2d3h4m5s`.
    pub duration: String,
    /// Whether all that runs is of the job's newest definition and of what its image means now, and nothing is still
    /// to be done for that.
    pub up_to_date: bool,
    /// Whether it is continuous and runs with variables that have changed since: a restart gives it the present ones.
    #[serde(default)]
    pub envvars_changed: bool,
    /// Whether it is continuous and its image's tag means something else by now: a restart gives it the present one.
    #[serde(default)]
    pub image_changed: bool,
    /// How many containers run and are ready.
    #[serde(default)]
    pub ready: u32,
    /// The newest definition: it grows with each change and restart.
    #[serde(default)]
    pub generation: u64,
    /// When it was last due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub previous_schedule: Option<Timestamp>,
    /// When it is next due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_schedule: Option<Timestamp>,
    /// Its newest run, of which there is more at `…/runs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Since when it is left alone: nothing of a continuous job runs, due times of a scheduled one are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused: Option<Timestamp>,
}

/// How a job is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::StatusShort)]
#[serde(rename_all = "lowercase")]
pub enum StatusShort {
    /// It waits: to be started, to be due, or to be started again.
    Pending,
    /// It runs.
    Running,
    /// Its last run ended well.
    Succeeded,
    /// Its last run did not end well.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// Jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobsList)]
pub struct JobsList {
    /// The tool's jobs by name: all of them, for there are never many.
    pub jobs: Vec<Job>,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobOne)]
pub struct JobOne {
    /// The job.
    pub job: Job,
}

/// Whether something was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobChanged)]
pub struct JobChanged {
    /// The job is new or different now.
    pub job_changed: bool,
}

/// How jobs are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct JobsQuery {
    /// False: only what the maintainers have set.
    #[serde(deserialize_with = "crate::flag::optional", skip_serializing_if = "Option::is_none")]
    pub include_unset: Option<bool>,
}
