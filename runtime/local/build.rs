//! Builds the small program that each container's helper becomes (`runtime/waiter`), for the machine that this crate is
//! built for. It has flags of its own, so a cargo of its own builds it: with the same lock file, from what the cargo
//! that runs this has downloaded already.
#![expect(clippy::disallowed_methods, reason = "a build script is told everything by its environment")]

use std::{
    env::{self, VarError},
    error::Error,
    fs,
    path::PathBuf,
    process::Command,
};

const PROGRAM: &str = "hearth-waiter";
const PROFILE: &str = "small";
/// What it depends on, seen from this folder.
const SOURCES: [&str; 3] = ["../waiter", "../../Cargo.toml", "../../Cargo.lock"];
/// What is meant for the rest of the build, such as a wrapper that checks, or code that measures coverage.
const NOT_FOR_IT: [&str; 6] = [
    "CARGO_RESOLVER_FEATURE_UNIFICATION",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
];
/// Nothing of a C library, not even what starts a program; nothing that is moved when it is loaded.
const FLAGS: [&str; 3] =
    ["-Clink-arg=-nostartfiles", "-Ctarget-feature=+crt-static", "-Crelocation-model=static"];

fn main() -> Result<(), Box<dyn Error>> {
    for source in SOURCES {
        tell(&format!("rerun-if-changed={source}"));
    }
    let (out, target) = (PathBuf::from(told("OUT_DIR")?), told("TARGET")?);
    let folder = out.join("waiter");
    let mut cargo = Command::new(told("CARGO")?);
    cargo.args(["rustc", "--quiet", "--frozen", "--package", "hearth-runtime-waiter"]);
    cargo.args(["--bin", PROGRAM, "--features", "alone", "--profile", PROFILE, "--target", &target]);
    cargo.arg("--target-dir").arg(&folder).arg("--").args(FLAGS);
    NOT_FOR_IT.iter().for_each(|name| {
        cargo.env_remove(name);
    });
    if !cargo.status()?.success() {
        return Err(format!("{PROGRAM} is not built: {cargo:?}").into());
    }
    fs::copy(folder.join(&target).join(PROFILE).join(PROGRAM), out.join(PROGRAM))?;
    Ok(())
}

fn told(name: &str) -> Result<String, VarError> {
    env::var(name)
}

fn tell(text: &str) {
    println!("cargo::{text}");
}
