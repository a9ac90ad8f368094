//! Builds the waiter program (`runtime/waiter`), which each container's helper executes, for this crate's
//! target. It needs its own compiler flags, so a nested cargo builds it, offline and with the same lock file.
#![expect(clippy::disallowed_methods, reason = "a build script gets its parameters from the environment")]

use std::{
    env::{self, VarError},
    error::Error,
    fs,
    path::PathBuf,
    process::Command,
};

const PROGRAM_NAME: &str = "hearth-waiter";
const PROFILE_NAME: &str = "small";
/// Sources of the program, relative to this folder.
const SOURCE_PATHS: [&str; 3] = ["../waiter", "../../Cargo.toml", "../../Cargo.lock"];
/// Variables that apply only to the outer build, for example a compiler wrapper or coverage flags.
const OUTER_BUILD_VARIABLES: [&str; 6] = [
    "CARGO_RESOLVER_FEATURE_UNIFICATION",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
];
/// Linker flags: no C library, no start files, a static and non-relocatable program.
const RUSTC_FLAGS: [&str; 3] =
    ["-Clink-arg=-nostartfiles", "-Ctarget-feature=+crt-static", "-Crelocation-model=static"];

fn main() -> Result<(), Box<dyn Error>> {
    for source in SOURCE_PATHS {
        print_directive(&format!("rerun-if-changed={source}"));
    }
    let (out, target) = (PathBuf::from(read_variable("OUT_DIR")?), read_variable("TARGET")?);
    let folder = out.join("waiter");
    let mut cargo = Command::new(read_variable("CARGO")?);
    cargo.args(["rustc", "--quiet", "--frozen", "--package", "hearth-runtime-waiter"]);
    cargo.args([
        "--bin",
        PROGRAM_NAME,
        "--features",
        "alone",
        "--profile",
        PROFILE_NAME,
        "--target",
        &target,
    ]);
    cargo.arg("--target-dir").arg(&folder).arg("--").args(RUSTC_FLAGS);
    OUTER_BUILD_VARIABLES.iter().for_each(|name| {
        cargo.env_remove(name);
    });
    if !cargo.status()?.success() {
        return Err(format!("building {PROGRAM_NAME} failed: {cargo:?}").into());
    }
    fs::copy(folder.join(&target).join(PROFILE_NAME).join(PROGRAM_NAME), out.join(PROGRAM_NAME))?;
    Ok(())
}

fn read_variable(name: &str) -> Result<String, VarError> {
    env::var(name)
}

fn print_directive(text: &str) {
    println!("cargo::{text}");
}
