//! What services ask of `envvars`, and nobody else may.

use std::collections::BTreeMap;

use hearth_base::{EnvvarName, JobName, Sealed};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Envvar;

/// What runs of a job have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsGiven {
    /// Variables with their values, by name.
    pub envvars: Vec<Envvar>,
    /// Variables that only the runtime opens, by name.
    #[serde(default)]
    pub sealed: Vec<EnvvarSealed>,
    /// Which state of them this is: it is another one when a variable came, went or got another value.
    #[serde(default)]
    pub revision: String,
}

/// A secret on its way to the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarSealed {
    /// Its name.
    #[schema(value_type = String)]
    pub name: EnvvarName,
    /// Its value, sealed.
    #[schema(value_type = Object)]
    pub sealed: Sealed,
}

/// Which state the variables of a tool's jobs are in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsRevisions {
    /// Those of every job without variables of its own.
    pub tool: String,
    /// Those of jobs with variables of their own.
    #[schema(value_type = BTreeMap<String, String>)]
    pub jobs: BTreeMap<JobName, String>,
}

impl EnvvarsRevisions {
    /// Which state the variables of `job` are in.
    pub fn of(&self, job: &JobName) -> &str {
        self.jobs.get(job).unwrap_or(&self.tool)
    }
}
