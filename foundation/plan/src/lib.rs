//! Finds out how a folder becomes an image, and says why. Nothing here runs or fetches anything.

mod find;
mod label;
mod plan;
mod procfile;
mod recipe;
mod source;

mod node;
mod python;

pub use find::plan;
pub use label::{PROCESSES_LABEL, label_value, processes_of};
pub use plan::{Kind, Plan, Recipe};
pub use procfile::{Processes, procfile};
pub use source::{Entry, Folder, InMemory, LOOKED_AT, MOST_BYTES, READ, Source};
