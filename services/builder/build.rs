//! Builds the program that lists the packages of an image (`foundation/inventory`), which the push step gets.
#![expect(clippy::disallowed_methods, reason = "a build script gets its parameters from the environment")]

// One way for all embedded programs. A crate of its own would be a dependency against the order of the layers.
#[path = "../../runtime/local/embedded_program.rs"]
mod embedded_program;

use std::error::Error;

use embedded_program::EmbeddedProgram;

/// The program, linked statically: the builder's image has another version of the C library than the machine that builds
/// Hearth.
const IMAGE_INVENTORY: EmbeddedProgram = EmbeddedProgram {
    package: "hearth-inventory",
    name: "image-inventory",
    features: &[],
    flags: &["-Ctarget-feature=+crt-static"],
    sources: &[
        "../../foundation/inventory",
        "../../Cargo.toml",
        "../../Cargo.lock",
        "../../runtime/local/embedded_program.rs",
    ],
};

fn main() -> Result<(), Box<dyn Error>> {
    IMAGE_INVENTORY.build()
}
