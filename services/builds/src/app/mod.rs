//! Rules of the service, without HTTP and SQL.

pub mod build_task;
pub mod builders;
pub mod cancel;
pub mod claim;
pub mod cleanup;
pub mod image_name;
pub mod lease;
pub mod logs;
pub mod provenance;
pub mod queue;
pub mod quota;
pub mod schedule;
pub mod sources;
pub mod start;
pub mod time_limit;
pub mod wait;
