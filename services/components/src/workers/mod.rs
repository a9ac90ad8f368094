//! Background workers.

pub mod commit_status;
pub mod deploy;
pub mod housekeeping;
pub mod push;
