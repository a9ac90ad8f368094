//! Log of a build.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One line of a build's log; the stream has one JSON object a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildLogLine)]
pub struct BuildLogLine {
    /// Text of the line.
    pub line: String,
}

/// Options of reading a build's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct BuildLogQuery {
    /// True: follow the log until the build has ended.
    #[serde(deserialize_with = "crate::query_flag::deserialize_flag")]
    pub follow: bool,
}
