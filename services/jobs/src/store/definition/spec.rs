//! What a job is to be, in the form in which it is stored.

use hearth_base::{Cpu, JobName, Memory};
use hearth_wire::jobs::{
    Checks, Concurrency, Emails, HealthCheck, JobType, MountMode, PortProtocol, StopPolicy,
};
use serde::{Deserialize, Serialize};

/// What a job is to be. A field that its maintainers did not write is `None`, and its default holds.
///
/// This is the stored form too: `tests/golden/job-spec-*.json` have to stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    pub name: JobName,
    pub job_type: JobType,
    /// Whether its maintainers also wrote `continuous`, the older word for a type.
    #[serde(default)]
    pub continuous: bool,
    /// The image as it was asked for.
    pub imagename: String,
    /// Empty for the image's own command.
    pub cmd: String,
    pub schedule: Option<String>,
    pub timezone: Option<String>,
    /// Seconds that a scheduled run may start late.
    pub starting_deadline: Option<u32>,
    pub concurrency: Option<Concurrency>,
    pub filelog: Option<bool>,
    pub filelog_stdout: Option<String>,
    pub filelog_stderr: Option<String>,
    pub emails: Option<Emails>,
    /// How often a failed run is repeated.
    pub retry: Option<u8>,
    /// Seconds that a run may take; 0 for no limit.
    pub timeout: Option<u32>,
    pub mount: Option<MountMode>,
    pub memory: Option<Memory>,
    pub cpu: Option<Cpu>,
    pub disk: Option<Memory>,
    pub replicas: Option<u16>,
    pub port: Option<u16>,
    pub port_protocol: Option<PortProtocol>,
    pub health_check: Option<HealthCheck>,
    pub checks: Option<Checks>,
    pub stop: Option<StopPolicy>,
    pub auto_update: Option<bool>,
    /// Whether it is the tool's page.
    pub publish: Option<bool>,
}
