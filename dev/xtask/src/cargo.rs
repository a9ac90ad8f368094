//! Cargo, started as a person would.

use std::{env, process::Command};

use crate::workspace::Workspace;

/// Cargo at the root of the workspace. `cargo run`, under which this program runs, sets variables about this
/// program's own package; the build scripts of some crates depend on these, and would run again for other values.
pub fn cargo_command(workspace: &Workspace) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&workspace.root);
    let own = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(own)) {
        cargo.env_remove(name);
    }
    cargo
}
