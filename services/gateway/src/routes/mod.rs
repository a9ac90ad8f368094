//! Which service answers a path, and what the door keeps to there: read from the services' own documents.
//!
//! A document is read when its service is first called, and again when the service has been restarted with another. Paths
//! are matched as services match them (the crate `matchit`, by the same templates), in a tree that is built once per
//! document.

mod load;
mod table;

pub use load::Routes;
pub use table::{Route, Table};
