//! What jobs use: memory, processor time, containers, restarts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What was used within one step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Sample)]
pub struct Sample {
    /// When the step began.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The most memory that containers held together, in bytes.
    pub memory: u64,
    /// Processor time in microseconds.
    pub cpu_micros: u64,
    /// The most containers side by side.
    pub containers: u32,
    /// The most that containers had written beside their mounts together, in bytes, looked at once a minute; 0 where that
    /// is not known.
    #[serde(default)]
    pub disk: u64,
    /// Containers that ended without being asked to, and were restarted.
    pub restarts: u32,
}

/// What was used in some hours, the oldest step first. Steps in which nothing ran are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Metrics)]
pub struct Metrics {
    /// How long a step is, in seconds: 60 for up to 3 hours, 900 for up to 48, 7200 for up to 720.
    pub step: u32,
    /// The steps.
    pub samples: Vec<Sample>,
}

/// What was used, in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::MetricsOne)]
pub struct MetricsOne {
    /// It.
    pub metrics: Metrics,
}

/// Which time is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct MetricsQuery {
    /// The last so many hours, from 1 to 720; 3 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 720)]
    pub hours: Option<u32>,
}
