//! Job with its status.

use hearth_base::{Cpu, Error, JobName, Memory, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Checks, Concurrency, Emails, HealthCheck, HealthCheckDocument, JobCreate, JobType, MountMode,
    PortProtocol, StopPolicy,
    create::{serialize_publish, with_job_fields},
};

with_job_fields! {
    /// Job: its definition and its status. Without `include_unset`, optional fields appear only if a
    /// maintainer set them.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[schema(as = jobs::Job)]
    pub struct Job {
        /// Name of the job.
        #[schema(value_type = String)]
        pub name: JobName,
        /// Type of the job.
        pub job_type: JobType,
        /// Image name from the request.
        pub imagename: String,
        /// Short name of the image.
        pub image: String,
        /// Support state of the image: `stable`, `deprecated`, `unknown`.
        pub image_state: String,
        /// Command of the job.
        pub cmd: String,
        /// Status in one or two words.
        pub status_short: String,
        /// Status as a sentence.
        pub status_long: String,
        /// Status for programs.
        pub status: JobStatus,
        /// True for a continuous job; for older clients.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub continuous: Option<bool>,
        /// Schedule from the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule: Option<String>,
        /// Effective schedule, in five fields.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule_actual: Option<String>,
        /// `/` when the job is the tool's web page.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "serialize_publish",
            deserialize_with = "deserialize_publish"
        )]
        #[schema(value_type = Option<crate::jobs::create::PublishDocument>)]
        pub publish: Option<bool>,
    }
}

impl Job {
    /// Returns the request that would create the job. It has the fields that this document has: of a job shown without
    /// `include_unset`, those that a maintainer set.
    pub fn to_definition(&self) -> Result<JobCreate> {
        let document = serde_json::to_value(self).map_err(Error::internal)?;
        serde_json::from_value(document).map_err(Error::internal)
    }
}

fn deserialize_publish<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value.map(|value| value == "/" || value == true))
}

/// Status of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobStatus)]
pub struct JobStatus {
    /// Status in one word.
    pub short: StatusShort,
    /// Status in sentences.
    pub messages: Vec<String>,
    /// Time since the last change of status, as in `2d3h4m5s`.
    pub duration: String,
    /// True when all containers run the newest definition with the current image of its tag, and no change is
    /// pending.
    pub up_to_date: bool,
    /// True when a continuous job runs with outdated variables; a restart applies the current ones.
    #[serde(default)]
    pub envvars_changed: bool,
    /// True when the image tag of a continuous job points to another image; a restart applies it.
    #[serde(default)]
    pub image_changed: bool,
    /// Number of running and ready containers.
    #[serde(default)]
    pub ready: u32,
    /// Generation of the definition; it grows with each change and restart.
    #[serde(default)]
    pub generation: u64,
    /// Last due time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub previous_schedule: Option<Timestamp>,
    /// Next due time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_schedule: Option<Timestamp>,
    /// Id of the newest run; details at `…/runs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Start of the pause: a paused continuous job does not run, and a paused scheduled job skips its due
    /// times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused: Option<Timestamp>,
    /// Time at which the job fell asleep: it has no containers until the next visit of its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub asleep: Option<Timestamp>,
}

/// Status of a job in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::StatusShort)]
#[serde(rename_all = "lowercase")]
pub enum StatusShort {
    /// The job is waiting for a start, a due time or a retry.
    Pending,
    /// The job is running.
    Running,
    /// The last run succeeded.
    Succeeded,
    /// The last run failed.
    Failed,
    /// The status is unknown.
    Unknown,
}

/// Jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobsList)]
pub struct JobsList {
    /// All jobs of the tool, by name.
    pub jobs: Vec<Job>,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobOne)]
pub struct JobOne {
    /// The job.
    pub job: Job,
}

/// Result of a job update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobChanged)]
pub struct JobChanged {
    /// True when the job was created or changed.
    pub job_changed: bool,
}

/// Options of showing jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct JobsQuery {
    /// False: show only fields that a maintainer set.
    #[serde(
        deserialize_with = "crate::query_flag::deserialize_optional_flag",
        skip_serializing_if = "Option::is_none"
    )]
    pub include_unset: Option<bool>,
}

/// Options of changing a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct JobUpdateQuery {
    /// True: fields that are not set take their defaults, so that the job is exactly as requested.
    #[serde(deserialize_with = "crate::query_flag::deserialize_flag")]
    pub exact: bool,
}
