//! Settings of what brings tools' pages up and serves them.

use serde::Deserialize;

/// Settings of `components`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Components {
    /// How long what was deployed may take until it answers, in seconds.
    pub start_timeout: u32,
    /// How many revisions of a tool keep their images.
    pub revisions_kept: u32,
}

impl Default for Components {
    fn default() -> Self {
        Self { start_timeout: 120, revisions_kept: 10 }
    }
}

/// Settings of `edge`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edge {
    /// How long a tool may take to accept a connection, in seconds.
    pub connect_timeout: u64,
    /// How long a tool may take to begin its answer once it was asked, in seconds.
    pub answer_timeout: u64,
}

impl Default for Edge {
    fn default() -> Self {
        Self { connect_timeout: 5, answer_timeout: 60 }
    }
}
