//! The owner of a workload. Storage, user ids, networks and secrets are isolated by owner.

use std::fmt;

use hearth_base::{PreviewNumber, Result, Role, ToolId};
use serde::{Deserialize, Serialize};

use crate::Feature;

/// The owner of a workload or of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// A tool.
    Tool(ToolId),
    /// A preview of a tool: what runs for it is isolated from the tool and from its other previews.
    Preview {
        /// The tool, whose images it runs.
        tool: ToolId,
        /// The number of the preview.
        number: PreviewNumber,
    },
    /// Hearth itself, by the service that runs the workload for its own purposes.
    Hearth(Role),
}

impl Owner {
    /// The tool, also that of a preview; for images, logs and limits. Whatever isolates tools from each other uses the
    /// owner itself.
    pub fn as_tool(self) -> Option<ToolId> {
        match self {
            Self::Tool(tool) | Self::Preview { tool, .. } => Some(tool),
            Self::Hearth(_) => None,
        }
    }

    /// True for a preview.
    pub fn is_preview(self) -> bool {
        matches!(self, Self::Preview { .. })
    }

    /// The tool, also that of a preview. Error `workload-owner-unsupported` for another owner.
    pub fn require_tool(self) -> Result<ToolId> {
        self.as_tool().ok_or_else(|| Feature::HearthOwner.to_unsupported_error())
    }
}

impl From<ToolId> for Owner {
    fn from(tool: ToolId) -> Self {
        Self::Tool(tool)
    }
}

/// `tool_…` for a tool, `tool_…/pr-7` for a preview, `hearth/ROLE` for Hearth itself.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(tool) => write!(f, "{tool}"),
            Self::Preview { tool, number } => write!(f, "{tool}/pr-{number}"),
            Self::Hearth(role) => write!(f, "hearth/{role}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::Error;

    #[test]
    fn preview_belongs_to_its_tool_and_is_another_owner() -> Result<()> {
        let tool: ToolId = "tool_01m7y17883gp14c8thc31b43dg".parse()?;
        let preview = Owner::Preview { tool, number: PreviewNumber::new(7)? };
        assert_eq!((preview.as_tool(), preview.require_tool()?), (Some(tool), tool));
        assert!(preview.is_preview() && !Owner::Tool(tool).is_preview());
        assert_ne!(preview, Owner::Tool(tool));
        assert_eq!(preview.to_string(), "tool_01m7y17883gp14c8thc31b43dg/pr-7");
        let json = r#"{"preview":{"tool":"tool_01m7y17883gp14c8thc31b43dg","number":7}}"#;
        assert_eq!(serde_json::to_string(&preview).map_err(Error::internal)?, json);
        assert_eq!(serde_json::from_str::<Owner>(json).map_err(Error::internal)?, preview);
        Ok(())
    }
}
