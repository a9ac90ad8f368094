//! Images: `/images/v1`. The registry under `/v2` implements the OCI distribution specification.

pub mod internal;
pub mod registry;

use hearth_base::{Digest, EnvironmentName, ImageName, PreviewNumber, ToolId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// End of the names of images that repeat others. They are reserved: only the builder of a repetition pushes to them.
pub const REBUILT_ENDING: &str = ".rebuilt";

/// Builds the end of the names of images of a preview: `.pr-7`. They are reserved, too.
pub fn build_preview_ending(preview: PreviewNumber) -> String {
    format!(".{}", EnvironmentName::from_preview(preview))
}

/// Returns true for the name of an image that repeats another one, or that is of a preview: only the builder that makes
/// this image pushes to it.
pub fn is_reserved_image_name(name: &ImageName) -> bool {
    let is_of_preview = |ending: &str| {
        ending.parse::<EnvironmentName>().is_ok_and(|environment| environment.find_preview().is_some())
    };
    let ending = name.as_str().rsplit_once('.').map(|(_, ending)| ending);
    name.as_str().ends_with(REBUILT_ENDING) || ending.is_some_and(is_of_preview)
}

/// Label of a built image that lists its processes: a JSON object from name to command line.
pub const PROCESSES_LABEL: &str = "org.hearth.processes";

/// Image repository of a tool; its builds and maintainers push to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Image)]
pub struct Image {
    /// Name within the tool.
    pub name: String,
    /// Name in jobs: `tool-TOOL/NAME`.
    pub image: String,
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Total size of its layers in bytes; each layer is counted once.
    pub size: u64,
    /// Time of the last push.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
}

/// Tag of an image: a movable reference to a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Tag)]
pub struct Tag {
    /// Name of the tag.
    pub tag: String,
    /// Digest of the manifest.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Time of the last move.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
}

/// Image that this Hearth provides to every tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = images::Provided)]
pub struct ProvidedImageInfo {
    /// Short name.
    pub name: String,
    /// Aliases.
    pub aliases: Vec<String>,
    /// Support state: `stable`, `deprecated`, or an operator's own word.
    pub state: String,
    /// Digest of the manifest; absent until the image has been built or pushed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub digest: Option<Digest>,
}

#[cfg(test)]
mod tests {
    use hearth_base::Result;

    use super::*;

    #[test]
    fn names_of_repetitions_and_previews_are_reserved() -> Result<()> {
        let of_preview = format!("web{}", build_preview_ending(PreviewNumber::new(7)?));
        assert_eq!(of_preview, "web.pr-7");
        for (name, is_reserved) in [
            (&*of_preview, true),
            ("web.rebuilt", true),
            ("web", false),
            ("web-pr-7", false),
            ("web.pr-x", false),
        ] {
            assert_eq!(is_reserved_image_name(&name.parse()?), is_reserved, "{name}");
        }
        Ok(())
    }
}
