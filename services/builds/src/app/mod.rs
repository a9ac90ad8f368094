//! Rules of the service, without HTTP and SQL.

pub mod build_end;
pub mod build_task;
pub mod builder_notices;
pub mod builders;
pub mod cancel;
pub mod claim;
pub mod cleanup;
pub mod credentials;
pub mod image_name;
pub mod lease;
pub mod logs;
pub mod outside;
pub mod package_sources;
pub mod provenance;
pub mod queue;
pub mod quota;
pub mod reproduce;
pub mod reuse;
pub mod sbom;
pub mod schedule;
pub mod source_credentials;
pub mod sources;
pub mod start;
pub mod ticket;
pub mod time_limit;
pub mod wait;
