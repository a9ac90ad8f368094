//! Loops that take leased work.

pub mod housekeeping;
pub mod time_limits;
pub mod unpin;
