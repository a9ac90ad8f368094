//! Background workers.

pub mod deploy;
