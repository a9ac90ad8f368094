//! The owner of a workload. Storage, user ids, networks and secrets are isolated by owner.

use hearth_base::{Result, Role, ToolId};
use serde::{Deserialize, Serialize};

use crate::Feature;

/// The owner of a workload or of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// A tool.
    Tool(ToolId),
    /// Hearth itself, by the service that runs the workload for its own purposes.
    Hearth(Role),
}

impl Owner {
    /// The tool, if the owner is one.
    pub fn as_tool(self) -> Option<ToolId> {
        match self {
            Self::Tool(tool) => Some(tool),
            Self::Hearth(_) => None,
        }
    }

    /// The tool. Error `workload-owner-unsupported` for another owner.
    pub fn require_tool(self) -> Result<ToolId> {
        self.as_tool().ok_or_else(|| Feature::HearthOwner.to_unsupported_error())
    }
}

impl From<ToolId> for Owner {
    fn from(tool: ToolId) -> Self {
        Self::Tool(tool)
    }
}
