//! Loops that take leased work.

pub mod housekeeping;
mod pieces;
pub mod time_limits;
pub mod unpin;
