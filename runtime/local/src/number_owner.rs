//! The owner of a number of this runtime.

use std::{fmt, str::FromStr};

use hearth_base::{Error, PreviewNumber, Result, ToolId};
use hearth_runtime_api::{Feature, Owner};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The owner of a number: a tool, or a preview of one. Its text is a key of the stored numbers: `tool_…`, or
/// `tool_…/pr-7` for a preview, which readers without previews refuse as an id of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberOwner {
    pub tool: ToolId,
    pub preview: Option<PreviewNumber>,
}

impl NumberOwner {
    /// Separator of the tool and the number of the preview in the text.
    const PREVIEW_SEPARATOR: &'static str = "/pr-";

    /// Converts the owner of a workload. Error `workload-owner-unsupported` for Hearth itself, which has no number.
    pub fn from_owner(owner: Owner) -> Result<Self> {
        match owner {
            Owner::Tool(tool) => Ok(tool.into()),
            Owner::Preview { tool, number } => Ok(Self { tool, preview: Some(number) }),
            Owner::Hearth(_) => Err(Feature::HearthOwner.to_unsupported_error()),
        }
    }

    /// Converts to the owner of workloads.
    pub fn to_owner(self) -> Owner {
        let tool = self.tool;
        self.preview.map_or(Owner::Tool(tool), |number| Owner::Preview { tool, number })
    }
}

impl From<ToolId> for NumberOwner {
    fn from(tool: ToolId) -> Self {
        Self { tool, preview: None }
    }
}

impl fmt::Display for NumberOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.preview {
            None => write!(f, "{}", self.tool),
            Some(number) => write!(f, "{}{}{number}", self.tool, Self::PREVIEW_SEPARATOR),
        }
    }
}

impl FromStr for NumberOwner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(Self::PREVIEW_SEPARATOR) {
            None => Ok(text.parse::<ToolId>()?.into()),
            Some((tool, number)) => Ok(Self { tool: tool.parse()?, preview: Some(number.parse()?) }),
        }
    }
}

impl Serialize for NumberOwner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NumberOwner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_of_a_number_is_read_back_from_its_text() -> Result<()> {
        let tool: ToolId = "tool_01m7y17883gp14c8thc31b43dg".parse()?;
        let preview = NumberOwner { tool, preview: Some(PreviewNumber::new(7)?) };
        for (owner, text) in [
            (NumberOwner::from(tool), "tool_01m7y17883gp14c8thc31b43dg"),
            (preview, "tool_01m7y17883gp14c8thc31b43dg/pr-7"),
        ] {
            assert_eq!((owner.to_string().as_str(), text.parse()?), (text, owner));
            assert_eq!(NumberOwner::from_owner(owner.to_owner())?, owner);
            let json = serde_json::to_string(&owner).map_err(Error::internal)?;
            assert_eq!(serde_json::from_str::<NumberOwner>(&json).map_err(Error::internal)?, owner);
        }
        assert!("tool_01m7y17883gp14c8thc31b43dg/pr-07".parse::<NumberOwner>().is_err());
        Ok(())
    }
}
