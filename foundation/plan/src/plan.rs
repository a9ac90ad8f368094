//! The build plan.

use crate::{
    procfile::Processes,
    recipe::{self, RecipeStep},
};
use hearth_base::Result;

/// Plan of how a source becomes an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPlan {
    /// Kind of the source.
    pub kind: SourceKind,
    /// Recipe of the image.
    pub recipe: BuildRecipe,
    /// Processes of the image: command lines by name.
    pub processes: Processes,
    /// Reasons for the plan, as sentences for the user.
    pub reasons: Vec<String>,
}

/// Kind of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A source with its own Containerfile.
    Containerfile,
    /// Python.
    Python,
    /// Node.js.
    Node,
    /// Static files.
    StaticFiles,
    /// Files with a Procfile and without a supported language.
    PlainFiles,
}

/// Recipe of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildRecipe {
    /// The source's own Containerfile, at this path.
    Containerfile(&'static str),
    /// Steps on a base image that Hearth provides.
    Steps {
        /// Short name of the base image.
        base: &'static str,
        /// The steps, ordered by how rarely they change, for the build cache.
        steps: Vec<RecipeStep>,
    },
}

impl BuildPlan {
    /// Renders the Containerfile on the base image `from`, a name that the builder can pull. `None` when the source
    /// has its own Containerfile.
    pub fn render_containerfile(&self, from: &str) -> Result<Option<String>> {
        match &self.recipe {
            BuildRecipe::Containerfile(_) => Ok(None),
            BuildRecipe::Steps { steps, .. } => {
                recipe::render_containerfile(from, steps, &self.processes).map(Some)
            }
        }
    }

    /// Short name of the base image; `None` when the source has its own Containerfile.
    pub fn base_image(&self) -> Option<&'static str> {
        match &self.recipe {
            BuildRecipe::Containerfile(_) => None,
            BuildRecipe::Steps { base, .. } => Some(base),
        }
    }
}
