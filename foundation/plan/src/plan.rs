//! The build plan.

use crate::{
    package_sources::BuildPackageSources,
    procfile::Processes,
    recipe::{self, BuildStage, RecipeStep},
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
    /// Line of a Procfile that would start the application, when the plan knows no start command but the usual one.
    pub suggested_process: Option<String>,
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
    /// PHP.
    Php,
    /// Ruby.
    Ruby,
    /// Java.
    Java,
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// Static files.
    StaticFiles,
    /// Files with a Procfile and without a supported language.
    PlainFiles,
}

/// Choice of a user between the recipes of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipeChoice {
    /// The source's Containerfile or Dockerfile.
    Containerfile,
    /// The recipe for the detected language; Containerfile and Dockerfile are ignored.
    Detected,
}

/// Recipe of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildRecipe {
    /// The source's own Containerfile.
    Containerfile {
        /// Its path.
        file: &'static str,
        /// Its text.
        text: String,
    },
    /// Steps on a base image that Hearth provides.
    Steps {
        /// Short name of the base image.
        base: &'static str,
        /// The steps, ordered by how rarely they change, for the build cache.
        steps: Vec<RecipeStep>,
        /// Stages before, whose files the steps copy.
        stages: Vec<BuildStage>,
    },
}

impl BuildPlan {
    /// Renders the Containerfile. `resolve_base` maps the short name of a base image to a name that the builder can
    /// pull; `arguments` are the names of build arguments. `None` when the source has its own Containerfile.
    pub fn render_containerfile(
        &self,
        resolve_base: &dyn Fn(&str) -> String,
        arguments: &[&str],
    ) -> Result<Option<String>> {
        match &self.recipe {
            BuildRecipe::Containerfile { .. } => Ok(None),
            BuildRecipe::Steps { base, steps, stages } => {
                recipe::render_containerfile(resolve_base, arguments, stages, base, steps, &self.processes)
                    .map(Some)
            }
        }
    }

    /// True when the recipe installs Debian packages.
    pub fn installs_packages(&self) -> bool {
        self.list_steps().any(|step| matches!(step, RecipeStep::Install(_) | RecipeStep::InstallFrom(..)))
    }

    /// Lets the recipe install Debian packages from these sources too. A source's own Containerfile is unchanged: it sees
    /// them without this.
    #[must_use]
    pub fn with_package_sources(mut self, sources: &BuildPackageSources) -> Self {
        if let BuildRecipe::Steps { steps, stages, .. } = &mut self.recipe
            && !sources.is_empty()
        {
            for step in stages.iter_mut().flat_map(|stage| &mut stage.steps).chain(steps) {
                if let RecipeStep::Install(packages) = step {
                    *step = RecipeStep::InstallFrom(sources.clone(), std::mem::take(packages));
                }
            }
        }
        self
    }

    fn list_steps(&self) -> impl Iterator<Item = &RecipeStep> {
        let (steps, stages): (&[RecipeStep], &[BuildStage]) = match &self.recipe {
            BuildRecipe::Containerfile { .. } => (&[], &[]),
            BuildRecipe::Steps { steps, stages, .. } => (steps, stages),
        };
        stages.iter().flat_map(|stage| &stage.steps).chain(steps)
    }

    /// Short name of the base image; `None` when the source has its own Containerfile.
    pub fn base_image(&self) -> Option<&'static str> {
        match &self.recipe {
            BuildRecipe::Containerfile { .. } => None,
            BuildRecipe::Steps { base, .. } => Some(base),
        }
    }

    /// Short names of all base images: of the image, and of its stages.
    pub fn base_images(&self) -> Vec<&'static str> {
        match &self.recipe {
            BuildRecipe::Containerfile { .. } => Vec::new(),
            BuildRecipe::Steps { base, stages, .. } => {
                stages.iter().map(|stage| stage.base).chain([*base]).collect()
            }
        }
    }

    /// True when an image of this plan can start without a command as the process `name`: it has the process, or its
    /// own Containerfile may define a command.
    pub fn can_start(&self, name: &str) -> bool {
        self.processes.contains_key(name)
            || matches!(self.recipe, BuildRecipe::Containerfile { .. }) && self.processes.is_empty()
    }
}

/// A detected source, before its processes are chosen.
pub struct DetectedSource {
    pub kind: SourceKind,
    pub recipe: BuildRecipe,
    pub reasons: Vec<String>,
    /// Command of the process `web`, when there is no Procfile.
    pub start: StartCommand,
}

/// Start command that a detection found.
pub enum StartCommand {
    /// The usual command for such a source.
    Guessed { command: String, reason: String },
    /// None; with the line of a Procfile that the user may want.
    Unknown(Option<String>),
}
