//! The endpoints, a file per resource.

pub mod blob;
pub mod headers;
pub mod images;
pub mod internal;
pub mod provided;
pub mod push;
pub mod query;
pub mod registry;
