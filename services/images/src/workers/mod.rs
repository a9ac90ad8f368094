//! What goes on beside answering.

pub mod collecting;
