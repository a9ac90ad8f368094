//! Background workers.

pub mod deploy;
pub mod housekeeping;
