//! Endpoints, one file per resource.

pub mod blob_response;
pub mod blob_uploads;
pub mod headers;
pub mod images;
pub mod internal;
pub mod provided;
pub mod referrers;
pub mod registry;
pub mod request_parts;
pub mod upstream;
