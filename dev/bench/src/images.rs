//! The images that are made of Debian packages: made once for this folder of builds, where the tests keep theirs.

use std::{fs, path::PathBuf, process::Command};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, program};

use crate::peer::tried;

/// Where this folder of builds keeps what is made once.
pub fn kept() -> Result<PathBuf> {
    let hearthd = program("hearthd")?;
    let target = hearthd.parent().and_then(|profile| profile.parent());
    target.map(|target| target.join("tmp")).ok_or_else(|| Error::internal("hearthd is in no folder"))
}

/// Provides these images. The first time takes a minute or two.
pub fn provide(hearth: &Hearth, names: &[&str]) -> Result<()> {
    let layouts = kept()?.join("images");
    fs::create_dir_all(&layouts).map_err(Error::internal)?;
    let lock = fs::File::create(layouts.join(".lock")).map_err(Error::internal)?;
    lock.lock().map_err(Error::internal)?;
    let mut make = Command::new(program("hearthd")?);
    tried(make.args(["image", "bootstrap", "--layouts"]).arg(&layouts)).map_err(Error::internal)?;
    names.iter().try_for_each(|name| hearth.provide_image(name, &layouts.join(name)))
}
