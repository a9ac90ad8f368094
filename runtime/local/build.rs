//! Builds the waiter program (`runtime/waiter`), which each container's helper executes, for this crate's target.
#![expect(clippy::disallowed_methods, reason = "a build script gets its parameters from the environment")]

mod embedded_program;

use std::error::Error;

use embedded_program::EmbeddedProgram;

/// The program, without C library and start files: a static and non-relocatable program.
const WAITER_PROGRAM: EmbeddedProgram = EmbeddedProgram {
    package: "hearth-runtime-waiter",
    name: "hearth-waiter",
    features: &["alone"],
    flags: &["-Clink-arg=-nostartfiles", "-Ctarget-feature=+crt-static", "-Crelocation-model=static"],
    sources: &["../waiter", "../../Cargo.toml", "../../Cargo.lock", "embedded_program.rs"],
};

fn main() -> Result<(), Box<dyn Error>> {
    WAITER_PROGRAM.build()
}
