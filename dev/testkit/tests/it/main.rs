//! A whole Hearth, in every shape.

mod coming_in;
mod door;
mod endpoints;
mod faults;
mod tokens;
mod tools;
