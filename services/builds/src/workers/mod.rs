//! Background workers.

pub mod housekeeping;
pub mod provenance;
pub mod time_limits;
pub mod unpin;
