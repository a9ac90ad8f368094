//! Rules of the service, without HTTP and SQL.

pub mod artifacts;
pub mod blobs;
pub mod garbage_collection;
pub mod image_config;
pub mod image_reference;
pub mod incoming;
pub mod layout;
pub mod manifest_format;
pub mod manifests;
pub mod pins;
pub mod provided;
pub mod quota;
pub mod referrers;
pub mod resolution;
pub mod tags;
pub mod tool_erasure;
pub mod uploads;
pub mod upstreams;
pub mod usable;
