//! Images from Debian packages, built once for each target folder.

mod sizes;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, program_path};

/// Provides these images to a Hearth.
pub fn provide_images(hearth: &Hearth, names: &[&str]) -> Result<()> {
    let layouts = layouts_folder(names)?;
    names.iter().try_for_each(|name| hearth.provide_image(name, &layouts.join(name)))
}

/// Images of the tests in `./test`, which are built together: each further run of the bootstrap builds the base system of
/// their Debian release anew.
const COMMON_IMAGES: [&str; 10] = [
    "bookworm",
    "python3.11",
    "python3.11-slim",
    "static",
    "node18",
    "node18-slim",
    "php8.2",
    "golang1.24",
    "trixie-slim",
    "builder",
];

/// Returns the folder with the layouts of images. The first test that calls this builds them; other tests wait.
fn layouts_folder(names: &[&str]) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
    fs::create_dir_all(&folder).map_err(Error::internal)?;
    let lock = File::create(folder.join(".lock")).map_err(Error::internal)?;
    lock.lock().map_err(Error::internal)?;
    let mut make = Command::new(program_path("hearthd")?);
    let made = make
        .args(["image", "bootstrap"])
        .args(COMMON_IMAGES)
        .args(names)
        .arg("--layouts")
        .arg(&folder)
        .output()
        .map_err(Error::internal)?;
    if !made.status.success() {
        return Err(Error::internal(String::from_utf8_lossy(&made.stderr).into_owned()));
    }
    Ok(folder)
}
