//! Images made of Debian packages, cached in the same folder of the target directory as those of the tests.

use std::{fs, path::PathBuf, process::Command};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, program_path};

use crate::peer::run_command;

/// Finds the cache folder of the target directory.
pub fn find_cache_folder() -> Result<PathBuf> {
    let hearthd = program_path("hearthd")?;
    let target = hearthd.parent().and_then(|profile| profile.parent());
    target
        .map(|target| target.join("tmp"))
        .ok_or_else(|| Error::internal("the program hearthd has no parent folder"))
}

/// Makes these images, unless they are cached, and provides them to a Hearth. The first time takes one or two
/// minutes.
pub fn provide_images(hearth: &Hearth, names: &[&str]) -> Result<()> {
    let layouts = find_cache_folder()?.join("images");
    fs::create_dir_all(&layouts).map_err(Error::internal)?;
    let lock = fs::File::create(layouts.join(".lock")).map_err(Error::internal)?;
    lock.lock().map_err(Error::internal)?;
    let mut make = Command::new(program_path("hearthd")?);
    run_command(make.args(["image", "bootstrap"]).args(names).arg("--layouts").arg(&layouts))
        .map_err(Error::internal)?;
    names.iter().try_for_each(|name| hearth.provide_image(name, &layouts.join(name)))
}
