//! Calls of other services to `envvars`; no other caller is allowed.

use std::collections::BTreeMap;

use hearth_base::{EnvvarName, JobName, SealedValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Envvar;

/// Time whose values the variables have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct EnvvarsAt {
    /// The time; absent: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

/// Environment variables of the runs of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsGiven {
    /// Variables with their values, by name.
    pub envvars: Vec<Envvar>,
    /// Secrets, by name; only the runtime can open them.
    #[serde(default)]
    pub sealed: Vec<EnvvarSealed>,
    /// Hash of the state of these variables; it changes when a variable is created, deleted or gets another
    /// value.
    #[serde(default)]
    pub revision: String,
}

/// Sealed secret for the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarSealed {
    /// Name of the secret.
    #[schema(value_type = String)]
    pub name: EnvvarName,
    /// Sealed value.
    #[schema(value_type = Object)]
    pub sealed: SealedValue,
}

/// State hashes of the variables of a tool's jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsRevisions {
    /// Hash for every job without variables of its own.
    pub tool: String,
    /// Hashes for the jobs with variables of their own.
    #[schema(value_type = BTreeMap<String, String>)]
    pub jobs: BTreeMap<JobName, String>,
}

impl EnvvarsRevisions {
    /// Returns the state hash of the variables of `job`.
    pub fn revision_for_job(&self, job: &JobName) -> &str {
        self.jobs.get(job).unwrap_or(&self.tool)
    }
}
