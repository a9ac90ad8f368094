//! The images that are made of Debian packages: made once for this folder of builds.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, program};

/// Provides these images.
pub fn provide(hearth: &Hearth, names: &[&str]) -> Result<()> {
    let layouts = layouts()?;
    names.iter().try_for_each(|name| hearth.provide_image(name, &layouts.join(name)))
}

/// The folder with all of them. The first test that asks makes them; the others wait.
fn layouts() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
    fs::create_dir_all(&folder).map_err(Error::internal)?;
    let lock = File::create(folder.join(".lock")).map_err(Error::internal)?;
    lock.lock().map_err(Error::internal)?;
    let mut make = Command::new(program("hearthd")?);
    let made =
        make.args(["image", "bootstrap", "--layouts"]).arg(&folder).output().map_err(Error::internal)?;
    if !made.status.success() {
        return Err(Error::internal(String::from_utf8_lossy(&made.stderr).into_owned()));
    }
    Ok(folder)
}
