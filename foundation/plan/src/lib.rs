//! Plans how a source becomes an image, with reasons. This crate runs and fetches nothing.

mod containerfile;
mod detect;
mod label;
mod other_languages;
mod packages;
mod plan;
mod procfile;
mod recipe;
mod source;
mod static_files;
mod versions;

mod node;
mod php;
mod pyproject;
mod python;
mod python_start;

pub use containerfile::list_source_images;
pub use detect::{plan_build, plan_build_by};
pub use label::{PROCESSES_LABEL, parse_label_value, render_label_value};
pub use packages::PackageName;
pub use plan::{BuildPlan, BuildRecipe, RecipeChoice, SourceKind};
pub use procfile::{Processes, parse_procfile};
pub use recipe::{BuildStage, RecipeStep};
pub use source::{
    InMemorySource, MAX_FILE_BYTES, MAX_SEARCHED_FOLDERS, PROBED_FILES, READ_FILES, SourceEntry,
    SourceFolder, SourceTree,
};
