//! Background workers.

pub mod garbage_collection;
