//! The result of a host check: the features that a host offers to a runtime, and advice on missing ones.

use serde::{Deserialize, Serialize};

/// The result of a host check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReport {
    /// The checked items, in the order of display.
    pub checks: Vec<HostCheck>,
}

/// The result for one checked item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCheck {
    /// Stable name of the item, such as `cgroups`.
    pub name: String,
    /// The verdict.
    pub verdict: CheckVerdict,
    /// The finding, as a sentence for operators.
    pub found: String,
    /// The next step for the operator, when one is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// The verdict on one checked item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckVerdict {
    /// Fully available.
    Good,
    /// Available, with less speed or safety.
    Limited,
    /// Absent; containers cannot run without it.
    Missing,
}

impl HostReport {
    /// True if no item is missing, so that containers can run on this host.
    pub fn is_usable(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != CheckVerdict::Missing)
    }
}
