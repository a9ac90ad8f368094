//! Plans how a source becomes an image, with reasons. This crate runs and fetches nothing.

mod detect;
mod label;
mod plan;
mod procfile;
mod recipe;
mod source;

mod node;
mod python;

pub use detect::plan_build;
pub use label::{PROCESSES_LABEL, parse_label_value, render_label_value};
pub use plan::{BuildPlan, BuildRecipe, SourceKind};
pub use procfile::{Processes, parse_procfile};
pub use source::{
    InMemorySource, MAX_FILE_BYTES, PROBED_FILES, READ_FILES, SourceEntry, SourceFolder, SourceTree,
};
