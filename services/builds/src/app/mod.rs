//! Rules of the service, without HTTP and SQL.

pub mod cancel;
pub mod cleanup;
pub mod image_name;
pub mod lease;
pub mod logs;
pub mod quota;
pub mod sources;
pub mod start;
pub mod time_limit;
pub mod wait;
