//! The owner of a workload: storage, ids, networks and secrets are kept apart by owner.

use hearth_base::{Result, Role, ToolId};
use serde::{Deserialize, Serialize};

use crate::Feature;

/// The owner of a workload or of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// A tool.
    Tool(ToolId),
    /// Hearth itself: the service that runs the workload for its own purposes.
    Hearth(Role),
}

impl Owner {
    /// The tool, when a tool owns it.
    pub fn tool(self) -> Option<ToolId> {
        match self {
            Self::Tool(tool) => Some(tool),
            Self::Hearth(_) => None,
        }
    }

    /// The tool; an owner that is none is refused (`workload-owner-unsupported`).
    pub fn require_tool(self) -> Result<ToolId> {
        self.tool().ok_or_else(|| Feature::HearthOwner.unsupported())
    }
}

impl From<ToolId> for Owner {
    fn from(tool: ToolId) -> Self {
        Self::Tool(tool)
    }
}
