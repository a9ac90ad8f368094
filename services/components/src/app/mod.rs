//! The rules of deployments, without HTTP and SQL.

pub mod cancel;
pub mod cleanup;
pub mod completion;
pub mod create;
pub mod finalize;
pub mod rollback;
pub mod runner;
pub mod steps;
pub mod view;
pub mod watch;
