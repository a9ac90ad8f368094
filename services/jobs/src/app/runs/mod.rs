//! Runs: how what the runtime says of a container becomes an outcome, how it is shown and told.

pub mod events;
pub mod find;
pub mod notice;
pub mod outcome;
pub mod view;
