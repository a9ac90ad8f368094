//! `components` on its own, on every database, with its neighbours played.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod cancelling;
mod failing;
mod input;
mod killed;
mod lifecycle;
mod mandates;
mod neighbours;
mod queue;
mod retention;
mod rights;
mod stage;
mod trying;
