//! The network as a container sees it.

use std::collections::BTreeSet;

use hearth_base::{EndpointName, JobName, ToolName};
use serde::{Deserialize, Serialize};

/// The network as a container sees it, and its name there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The name by which the owner's other containers find this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<JobName>,
    /// The tool's present name, for the long form `NAME.tool-TOOL.svc.cluster.local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
    /// The destinations that it reaches without a grant.
    #[serde(default)]
    pub mode: NetworkMode,
    /// Endpoints of this Hearth that it reaches besides, as `NAME.hearth.internal`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<EndpointName>,
}

/// The destinations that a container reaches without a grant. Each mode reaches all that the one before it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// Nothing, and nothing reaches it.
    None,
    /// The owner's other containers, and Hearth's door.
    Inside,
    /// The index of packages too.
    Index,
    /// Everything that the outbound rules let pass.
    #[default]
    Outbound,
}
