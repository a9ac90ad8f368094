//! Builders, for operators: `/builds/v1/builders`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A builder: a process that claims builds and runs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::Builder)]
pub struct Builder {
    /// Id of the builder: of its state folder.
    pub id: String,
    /// Labels of its configuration.
    pub labels: Vec<String>,
    /// Builds that it runs at one time, at most.
    pub slots: u32,
    /// Builds that it runs now.
    pub running: u32,
    /// State of the builder.
    pub state: BuilderState,
    /// Time of its last claim.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// Builds in a row that it could not run, for reasons outside of their sources.
    pub failures: u32,
    /// Reason of the last of these failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Why it gets no builds, if it was suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension_reason: Option<String>,
    /// Time until which it gets no builds; absent when an operator has to return it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub suspended_until: Option<Timestamp>,
}

/// State of a builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuilderState)]
#[serde(rename_all = "kebab-case")]
pub enum BuilderState {
    /// It gets builds.
    Active,
    /// It gets no builds, because it kept failing or an operator said so.
    Suspended,
    /// It has neither claimed nor run a build for a minute.
    Absent,
}

/// One builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuilderOne)]
pub struct BuilderOne {
    /// The builder.
    pub builder: Builder,
}

/// All builders, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuilderList)]
pub struct BuilderList {
    /// The builders.
    pub builders: Vec<Builder>,
}
