//! Variables given to every run and build of a tool: `/envvars/v1`.

use hearth_base::{EnvvarName, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A variable. Its value never shows in `Debug`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Envvar {
    /// Its name.
    #[schema(value_type = String)]
    pub name: EnvvarName,
    /// Its value: UTF-8 without NUL.
    #[serde(serialize_with = "Secret::expose")]
    #[schema(value_type = String)]
    pub value: Secret,
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarOne {
    /// It.
    pub envvar: Envvar,
}

/// All variables of a tool, by name: a quota keeps them few.
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
    /// How many it has.
    pub used: u32,
}

/// The quota beside messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvvarsQuotaOne {
    /// It.
    pub quota: EnvvarsQuota,
}
