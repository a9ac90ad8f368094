//! Environment variables of a tool's runs, or of the runs of one job: `/envvars/v1`.

pub mod internal;

use hearth_base::{EnvvarName, JobName, Secret};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Environment variable. `Debug` never shows its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Envvar {
    /// Name of the variable.
    #[schema(value_type = String)]
    pub name: EnvvarName,
    /// Value: UTF-8 without NUL. Empty for a secret.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    #[schema(value_type = String)]
    pub value: Secret,
    /// True for a secret: runs get its value, and no call returns it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// Job that the variable is limited to; it replaces the tool's variable of that name. Absent: every job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub job: Option<JobName>,
}

/// Environment variable to create or update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarCreate {
    /// Name of the variable.
    #[schema(value_type = String)]
    pub name: EnvvarName,
    /// Value: UTF-8 without NUL.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    #[schema(value_type = String)]
    pub value: Secret,
    /// True: create a secret, whose value no call returns. Default: unchanged; false for a new variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<bool>,
}

/// One of several environment variables to create or update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarWanted {
    /// Name of the variable. Names are validated together, so that one response reports all invalid names.
    pub name: String,
    /// Value: UTF-8 without NUL.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    #[schema(value_type = String)]
    pub value: Secret,
    /// True: create a secret, whose value no call returns. Default: unchanged; false for a new variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<bool>,
}

impl From<EnvvarCreate> for EnvvarWanted {
    fn from(create: EnvvarCreate) -> Self {
        let EnvvarCreate { name, value, secret } = create;
        Self { name: name.to_string(), value, secret }
    }
}

/// Atomic change of several variables: all or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsChange {
    /// Variables to create or update.
    #[serde(default)]
    pub envvars: Vec<EnvvarWanted>,
    /// True: delete the variables that `envvars` does not name, within the tool's or the named job's. Secrets
    /// stay, because no file can contain their values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// Names of variables to delete, if they exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub delete: Vec<EnvvarName>,
    /// True: change nothing; the response lists the changes that would be made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// Names by the kind of change; of a dry run, the changes that would be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsChanged {
    /// New variables.
    #[schema(value_type = Vec<String>)]
    pub created: Vec<EnvvarName>,
    /// Variables with another value.
    #[schema(value_type = Vec<String>)]
    pub changed: Vec<EnvvarName>,
    /// Variables whose value was the same.
    #[schema(value_type = Vec<String>)]
    pub unchanged: Vec<EnvvarName>,
    /// Deleted variables.
    #[schema(value_type = Vec<String>)]
    pub deleted: Vec<EnvvarName>,
}

/// Changes of variables, with messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsChangedOne {
    /// The changes.
    pub changes: EnvvarsChanged,
}

/// Owner of the variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct EnvvarsScope {
    /// Name of the job, which need not exist yet; absent: the variables of the whole tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub job: Option<JobName>,
}

/// Filter for environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct EnvvarsQuery {
    /// Only variables of this job; absent: those of the whole tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub job: Option<JobName>,
    /// True: variables of the whole tool and of every job.
    #[serde(
        deserialize_with = "crate::query_flag::deserialize_flag",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub all: bool,
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarOne {
    /// The variable.
    pub envvar: Envvar,
}

/// Environment variables of a tool or a job, by name. The quota limits their number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsList {
    /// The variables.
    pub envvars: Vec<Envvar>,
}

/// Quota and number of environment variables of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsQuota {
    /// Maximum number of variables.
    pub quota: u32,
    /// Current number of variables, including those of single jobs.
    pub used: u32,
}

/// Quota, with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsQuotaOne {
    /// The quota.
    pub quota: EnvvarsQuota,
}
