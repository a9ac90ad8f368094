//! A whole Hearth, in every shape.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod coming_in;
mod door;
mod endpoints;
mod faults;
mod powers;
mod registry;
mod tokens;
mod tools;
