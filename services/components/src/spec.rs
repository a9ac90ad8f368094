//! The components that a deployment or a revision runs, independent of the file that described them.

use std::collections::BTreeMap;

use hearth_base::{BuilderName, JobName};
use hearth_wire::{builds::RecipeChoice, components::DeploySource, jobs::JobCreate};
use serde::{Deserialize, Serialize};

pub use hearth_wire::components::ComponentPhase;

/// The components that a deployment is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The components by name; a component is the job of that name.
    pub components: BTreeMap<JobName, ComponentSpec>,
    /// True if the components are all that the tool runs: components of the previous revision that are not named are
    /// removed. False if only the named ones change, as with a deployment of one folder without a configuration.
    #[serde(default)]
    pub is_complete: bool,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentSpec {
    /// The source of its image.
    pub image: ComponentImage,
    /// The definition of its job. `imagename` is empty until the image is known. An empty `cmd` stands for the process of
    /// the image that has the component's name, or else the image's own command.
    pub job: JobCreate,
    /// The time of its run within a deployment.
    #[serde(default, skip_serializing_if = "ComponentPhase::is_main")]
    pub phase: ComponentPhase,
}

/// The source of a component's image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentImage {
    /// A build of a source.
    Build(BuildSpec),
    /// An existing image, by any name that `images` resolves.
    Image(String),
    /// The image of another component, which has no `ReuseFrom` itself.
    ReuseFrom(JobName),
}

/// A build of a component. Components with equal values share one build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSpec {
    /// The source: an upload or a git repository.
    pub source: DeploySource,
    /// The folder of the source that is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The recipe, if the source has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeChoice>,
    /// The outside builder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder: Option<BuilderName>,
}
