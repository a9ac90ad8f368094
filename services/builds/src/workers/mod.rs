//! What goes on beside answering.

pub mod housekeeping;
pub mod time_limits;
pub mod unpin;
