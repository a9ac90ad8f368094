//! `logs` on its own, on every database.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod append;
mod bounds;
mod list;
mod show;
mod stage;
mod stream;
mod tool;
