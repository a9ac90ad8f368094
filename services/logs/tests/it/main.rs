//! Tests of `logs` on every database.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod append;
mod fixture;
mod limits;
mod list;
mod show;
mod stream;
mod tool;
