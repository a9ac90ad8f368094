//! The components that a deployment or a revision runs, independent of the file that described them.

use std::collections::BTreeMap;

use hearth_base::{BuilderName, JobName};
use hearth_wire::{builds::RecipeChoice, components::DeploySource, jobs::JobCreate};
use serde::{Deserialize, Serialize};

pub use hearth_wire::components::ComponentPhase;

/// The port of a published component that names none.
pub const DEFAULT_PORT: u16 = 8000;

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
    /// The earlier build of an existing image that the component keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_build: Option<Box<KeptBuild>>,
    /// The digest of the files that decide whether it is built; `None` if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_digest: Option<String>,
}

impl ComponentSpec {
    /// Returns a component that keeps no earlier build.
    pub fn new(image: ComponentImage, job: JobCreate, phase: ComponentPhase) -> Self {
        Self { image, job, phase, kept_build: None, source_digest: None }
    }

    /// Returns the build of its image, also of one that it keeps; `None` for an existing image or that of another
    /// component.
    pub fn find_build(&self) -> Option<&BuildSpec> {
        match &self.image {
            ComponentImage::Build(build) => Some(build),
            _ => self.kept_build.as_ref().map(|kept| &kept.build),
        }
    }
}

/// The build of an image that a component keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBuild {
    /// The source and the parameters of the build.
    pub build: BuildSpec,
    /// The commit, or the digest of the uploaded folder; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resolved_ref: String,
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
