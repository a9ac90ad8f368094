//! What a host offers to a runtime, and what to install or change.

use serde::{Deserialize, Serialize};

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// One entry per thing, in the order in which to read them.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// A stable name, such as `cgroups`.
    pub name: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to install or change, when something should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As wanted.
    Good,
    /// It works with less speed or safety.
    Limited,
    /// Containers can't run without it.
    Missing,
}

impl Report {
    /// Whether containers can run.
    pub fn usable(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != Verdict::Missing)
    }
}
