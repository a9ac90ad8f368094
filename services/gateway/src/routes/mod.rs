//! Routes of services and their limits, from the services' own OpenAPI documents.
//!
//! The document of a service is read at the first request to it, and again after the service restarted with
//! another document. Paths are matched as in services (the crate `matchit` with the same templates), in a
//! tree that is built once per document.

mod load;
mod table;

pub use load::RouteLoader;
pub use table::{MatchedRoute, RouteTable};
