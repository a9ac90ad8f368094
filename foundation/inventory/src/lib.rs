//! Packages in the file system of an image, and their rendering as an SBOM (CycloneDX 1.6).
//!
//! The program `image-inventory` walks the file system in a sandbox and prints a report; the builder parses the report
//! and renders the SBOM. The files of an image are untrusted: every reader has limits, links are never followed, and
//! what a reader does not understand is left out.

mod bom;
mod compare;
mod limits;
mod package;
mod purl;
pub mod readers;
mod report;
mod storage;
mod walk;

pub use bom::{ImageIdentity, render_bom};
pub use compare::{DifferenceKind, FileDifference, TreeComparison, compare_trees};
pub use limits::MAX_DIFFERENCES;
pub use package::{Distribution, Package, PackageKind};
pub use purl::render_purl;
pub use report::{ComparisonReport, InventoryReport, render_comparison, render_inventory};
pub use storage::find_layer_folders;
pub use walk::{Inventory, WalkLimits, list_packages};
