//! Plans how a source becomes an image, with reasons. This crate runs and fetches nothing.

mod command_line;
mod containerfile;
mod declared;
mod detect;
mod front_end;
mod label;
mod languages;
mod other_languages;
mod package_sources;
mod packages;
mod plan;
mod procfile;
mod recipe;
mod source;
mod source_path;
mod versions;

/// Version of the recipes: another one may make another image of the same source.
pub const RECIPES_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "-", env!("HEARTH_RECIPES_DIGEST"));

pub use containerfile::{list_source_images, reads_remote_files};
pub use declared::read_declared_builder;
pub use detect::{plan_build, plan_build_by};
pub use label::{PROCESSES_LABEL, parse_label_value, render_label_value};
pub use other_languages::{UNRECOGNIZED_CODE, find_only_application};
pub use package_sources::{
    BuildPackageSource, BuildPackageSources, MAX_KEY_BYTES, MAX_SOURCE_BYTES, PackageSourceFile,
    PackageSourceKey, ShownFile,
};
pub use packages::PackageName;
pub use plan::{BuildPlan, BuildRecipe, RecipeChoice, SourceKind};
pub use procfile::{Processes, parse_procfile};
pub use recipe::{BuildStage, RecipeStep, StageName};
pub use source::{
    InMemorySource, MAX_FILE_BYTES, MAX_SEARCHED_FOLDERS, PROBED_FILES, READ_FILES, SourceEntry,
    SourceFolder, SourceTree,
};
pub use source_path::SourcePath;
