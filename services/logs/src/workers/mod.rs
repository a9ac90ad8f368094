//! What goes on beside answering.

pub mod housekeeping;
