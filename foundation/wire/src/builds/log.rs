//! What a build writes.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One line of a build's log, on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildLogLine)]
pub struct BuildLogLine {
    /// Its text.
    pub line: String,
}

/// How much of a build's log is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct BuildLogQuery {
    /// Go on until the build is over.
    #[serde(deserialize_with = "crate::flag::one")]
    pub follow: bool,
}
