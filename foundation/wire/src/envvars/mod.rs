//! Variables given to every run of a tool, or of one of its jobs: `/envvars/v1`.

pub mod internal;

use hearth_base::{EnvvarName, JobName, Secret};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A variable. Its value never shows in `Debug`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Envvar {
    /// Its name.
    #[schema(value_type = String)]
    pub name: EnvvarName,
    /// Its value: UTF-8 without NUL. Empty when it is a secret.
    #[serde(serialize_with = "Secret::expose")]
    #[schema(value_type = String)]
    pub value: Secret,
    /// It is a secret: runs have its value, and nobody reads it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// The one job whose runs have it, in place of the tool's variable of that name; absent: every run has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub job: Option<JobName>,
}

/// A variable as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarCreate {
    /// Its name.
    #[schema(value_type = String)]
    pub name: EnvvarName,
    /// Its value: UTF-8 without NUL.
    #[serde(serialize_with = "Secret::expose")]
    #[schema(value_type = String)]
    pub value: Secret,
    /// Whether it is to be a secret, whose value nobody reads back; absent: what it is, and of a new one no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<bool>,
}

/// One of several variables as they are to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarWanted {
    /// Its name. Names are looked at together, so that all that cannot be are told at once.
    pub name: String,
    /// Its value: UTF-8 without NUL.
    #[serde(serialize_with = "Secret::expose")]
    #[schema(value_type = String)]
    pub value: Secret,
    /// Whether it is to be a secret, whose value nobody reads back; absent: what it is, and of a new one no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<bool>,
}

impl From<EnvvarCreate> for EnvvarWanted {
    fn from(create: EnvvarCreate) -> Self {
        let EnvvarCreate { name, value, secret } = create;
        Self { name: name.to_string(), value, secret }
    }
}

/// Several variables, changed together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsChange {
    /// Each is made, or gets this value.
    #[serde(default)]
    pub envvars: Vec<EnvvarWanted>,
    /// What is not among them is deleted: of the whole tool's variables, or of the job's that is named. Secrets stay,
    /// for nobody can write their values into a file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// These are deleted, if they are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub delete: Vec<EnvvarName>,
    /// Nothing is changed; the answer says what would be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What became of several variables, by name; of a dry run, what would.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsChanged {
    /// There was none of that name.
    #[schema(value_type = Vec<String>)]
    pub created: Vec<EnvvarName>,
    /// They have another value.
    #[schema(value_type = Vec<String>)]
    pub changed: Vec<EnvvarName>,
    /// They had that value already.
    #[schema(value_type = Vec<String>)]
    pub unchanged: Vec<EnvvarName>,
    /// They are gone.
    #[schema(value_type = Vec<String>)]
    pub deleted: Vec<EnvvarName>,
}

/// What became of several variables, beside messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsChangedOne {
    /// It.
    pub changes: EnvvarsChanged,
}

/// Whose variables are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct EnvvarsScope {
    /// Those of this job alone, whether or not there is such a job yet; absent: those of the whole tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub job: Option<JobName>,
}

/// Which variables are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct EnvvarsQuery {
    /// Those of this job alone; absent: those of the whole tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub job: Option<JobName>,
    /// Those of the whole tool and those of every job.
    #[serde(deserialize_with = "crate::flag::one", skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarOne {
    /// It.
    pub envvar: Envvar,
}

/// The variables of a tool or a job, by name: a quota keeps them few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsList {
    /// They.
    pub envvars: Vec<Envvar>,
}

/// How many variables a tool may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsQuota {
    /// How many.
    pub quota: u32,
    /// How many it has, those of single jobs included.
    pub used: u32,
}

/// The quota beside messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsQuotaOne {
    /// It.
    pub quota: EnvvarsQuota,
}
