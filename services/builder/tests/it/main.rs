//! The builder on its own: a runtime that plays, services that a test plays, and the way out for real.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod builds;
mod play;
mod runtime;
mod way_out;
