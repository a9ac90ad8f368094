//! Paths of programs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};

/// Returns the path of a program of this workspace, as built with the test.
pub fn program_path(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().map_err(Error::internal)?;
    let found = test.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| is_program(path));
    found.ok_or_else(|| {
        Error::internal(format!("program is not built: {name}; run ./test or cargo build --workspace"))
    })
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
