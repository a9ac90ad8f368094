//! Resource usage of jobs: memory, CPU time, containers, restarts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Usage within one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Sample)]
pub struct MetricsSample {
    /// Start of the step.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Maximum total memory of the containers, in bytes.
    pub memory: u64,
    /// CPU time in microseconds.
    pub cpu_micros: u64,
    /// Maximum number of concurrent containers.
    pub containers: u32,
    /// Maximum total disk usage of the containers outside their mounts, in bytes, sampled once a minute; 0
    /// where it is unknown.
    #[serde(default)]
    pub disk: u64,
    /// Number of containers that ended unexpectedly and were restarted, without the first three in a row that ended
    /// at their start.
    pub restarts: u32,
}

/// Usage over some hours, oldest step first. Steps without running containers are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Metrics)]
pub struct JobMetrics {
    /// Length of a step in seconds: 60 for up to 3 hours, 900 for up to 48, 7200 for up to 720.
    pub step: u32,
    /// Usage per step.
    pub samples: Vec<MetricsSample>,
}

/// Usage, with messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::MetricsOne)]
pub struct MetricsOne {
    /// The usage.
    pub metrics: JobMetrics,
}

/// Period of the usage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct MetricsQuery {
    /// Length of the period in hours, from 1 to 720; default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 720)]
    pub hours: Option<u32>,
}
