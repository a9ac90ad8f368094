//! Background workers.

pub mod housekeeping;
pub mod time_limits;
pub mod unpin;
