//! The network of a container.

use std::collections::BTreeSet;

use hearth_base::{EndpointName, JobName, ToolName};
use serde::{Deserialize, Serialize};

/// The network access of a container, and its name in the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// DNS name of this container for the owner's other containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<JobName>,
    /// Current name of the tool, for the long form `NAME.tool-TOOL.svc.cluster.local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
    /// The destinations that the container can reach without a grant.
    #[serde(default)]
    pub mode: NetworkMode,
    /// True: the container does not reach Hearth's own services. `hearth.internal` has no address, and the address of
    /// the services answers DNS queries only. Required for runs of previews.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_services: bool,
    /// Additional endpoints of this Hearth that the container can reach, as `NAME.hearth.internal`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<EndpointName>,
}

/// The destinations that a container can reach without a grant. Each mode includes the previous one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// No network, in either direction.
    None,
    /// The owner's other containers, and Hearth's gateway.
    Inside,
    /// In addition, the package index.
    Index,
    /// Every destination that the outbound rules allow.
    #[default]
    Outbound,
}
