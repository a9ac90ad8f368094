//! Rules, without HTTP and SQL.

pub mod erase;
pub mod files;
mod session;
