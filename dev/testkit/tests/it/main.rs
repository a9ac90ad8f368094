//! A whole Hearth, in every shape.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod addresses;
mod coming_in;
mod dead_letters;
mod described;
mod door;
mod endpoints;
mod envvars;
mod faults;
mod interactive;
mod killing;
mod lines;
mod misbehaving;
mod powers;
mod published_clients;
mod python;
mod registry;
mod running;
mod site;
mod tokens;
mod tools;
mod two_processes;
mod whole;
