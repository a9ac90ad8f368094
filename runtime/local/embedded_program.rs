//! Builds a program of this workspace for a build script, whose crate embeds it. The program needs its own compiler flags,
//! so a nested cargo builds it, offline and with the same lock file.

use std::{
    env::{self, VarError},
    error::Error,
    fs,
    path::PathBuf,
    process::Command,
};

/// Profile of embedded programs.
const PROFILE_NAME: &str = "small";

/// Variables that apply only to the outer build, for example a compiler wrapper or coverage flags.
const OUTER_BUILD_VARIABLES: [&str; 6] = [
    "CARGO_RESOLVER_FEATURE_UNIFICATION",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
];

/// A program to embed.
pub struct EmbeddedProgram {
    /// Its package.
    pub package: &'static str,
    /// Its name, and that of the file in the folder of the build script's outputs.
    pub name: &'static str,
    /// Features of the package.
    pub features: &'static [&'static str],
    /// Compiler flags.
    pub flags: &'static [&'static str],
    /// Sources of the program, relative to the folder of the outer package.
    pub sources: &'static [&'static str],
}

impl EmbeddedProgram {
    /// Builds the program for the target of the outer build.
    pub fn build(&self) -> Result<(), Box<dyn Error>> {
        for source in self.sources {
            print_directive(&format!("rerun-if-changed={source}"));
        }
        let (out, target) = (PathBuf::from(read_variable("OUT_DIR")?), read_variable("TARGET")?);
        let folder = out.join(format!("{}-target", self.name));
        let mut cargo = Command::new(read_variable("CARGO")?);
        cargo.args(["rustc", "--quiet", "--frozen", "--package", self.package, "--bin", self.name]);
        cargo.args(["--features", &self.features.join(",")]);
        cargo.args(["--profile", PROFILE_NAME, "--target", &target, "--target-dir"]);
        cargo.arg(&folder).arg("--").args(self.flags);
        OUTER_BUILD_VARIABLES.iter().for_each(|name| {
            cargo.env_remove(name);
        });
        if !cargo.status()?.success() {
            return Err(format!("building {} failed: {cargo:?}", self.name).into());
        }
        fs::copy(folder.join(&target).join(PROFILE_NAME).join(self.name), out.join(self.name))?;
        Ok(())
    }
}

fn read_variable(name: &str) -> Result<String, VarError> {
    env::var(name)
}

fn print_directive(text: &str) {
    println!("cargo::{text}");
}
