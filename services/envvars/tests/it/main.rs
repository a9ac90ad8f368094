//! `envvars` on its own, on every database.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod changes;
mod envvars;
mod keys;
mod neighbours;
mod secrets;
mod stage;
