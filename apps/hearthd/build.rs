//! Builds the server of static pages (`apps/static-server`), which `hearthd image bootstrap` writes into images.
#![expect(clippy::disallowed_methods, reason = "a build script gets its parameters from the environment")]

// One way for all embedded programs. A crate of its own would be a dependency against the order of the layers.
#[path = "../../runtime/local/embedded_program.rs"]
mod embedded_program;

use std::error::Error;

use embedded_program::EmbeddedProgram;

/// The program, linked statically: images have other versions of the C library than the machine that builds Hearth.
const STATIC_SERVER: EmbeddedProgram = EmbeddedProgram {
    package: "hearth-static-server",
    name: "static-server",
    features: &[],
    flags: &["-Ctarget-feature=+crt-static"],
    sources: &[
        "../static-server",
        "../../Cargo.toml",
        "../../Cargo.lock",
        "../../runtime/local/embedded_program.rs",
    ],
};

fn main() -> Result<(), Box<dyn Error>> {
    STATIC_SERVER.build()
}
