//! What was found out.

use crate::{
    procfile::Processes,
    recipe::{self, Step},
};
use hearth_base::Result;

/// How a source becomes an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What sort of source it is.
    pub kind: Kind,
    /// What makes the image.
    pub recipe: Recipe,
    /// What can be run in it, by name.
    pub processes: Processes,
    /// What was found and what follows from it, in whole sentences.
    pub because: Vec<String>,
}

/// What sort of source it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It says itself how it is built.
    Own,
    /// Python.
    Python,
    /// Node.js.
    Node,
    /// Files to be served as they are.
    Static,
    /// Files and commands, in no language known here.
    Plain,
}

/// What makes the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// The source's own file, at this path in it.
    Own(&'static str),
    /// Steps on one of the images that Hearth provides.
    Steps {
        /// The provided image's short name.
        base: &'static str,
        /// The steps, those that change least first.
        steps: Vec<Step>,
    },
}

impl Plan {
    /// The text of the Containerfile on the image `from`, which is the provided image by a name that the
    /// builder can pull. `None` when the source brings its own.
    pub fn containerfile(&self, from: &str) -> Result<Option<String>> {
        match &self.recipe {
            Recipe::Own(_) => Ok(None),
            Recipe::Steps { steps, .. } => recipe::text(from, steps, &self.processes).map(Some),
        }
    }

    /// The provided image that is built on, unless the source says that itself.
    pub fn base(&self) -> Option<&'static str> {
        match &self.recipe {
            Recipe::Own(_) => None,
            Recipe::Steps { base, .. } => Some(base),
        }
    }
}
