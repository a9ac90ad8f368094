//! Background workers.

pub mod housekeeping;
