//! The first images, made of Debian packages by the machine's own package manager: no registry is needed, and what the
//! machine has set up to reach its packages (sources, proxies, certificates) is used as it is.
//!
//! One root file system is made, and the others on top of it as differences, so that all share their first layer.
//! Whatever an operator names a source for is copied from there instead.

mod base;
mod copy;
mod derive;
mod layout;
mod pack;
mod recipe;
mod run;
mod sources;

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
};

use hearth_base::{Error, Result};
use hearth_images::ImageSource;

pub use recipe::{NAMES, Recipe};
pub use run::output;
use {base::Base, pack::Layer};

/// A folder in which images are made, gone with this value.
pub struct Workshop(PathBuf);

impl Workshop {
    /// Makes the folder, in place of one that an earlier making left.
    pub fn open(place: PathBuf) -> Result<Self> {
        let shop = Self(place);
        shop.clear();
        let make = |folder: &Path, mode| fs::DirBuilder::new().recursive(true).mode(mode).create(folder);
        // What is in the making is nobody's to reach: it has programs with powers. What is made is everybody's.
        make(&shop.0, 0o711)
            .and_then(|()| make(&shop.making(), 0o700))
            .and_then(|()| make(&shop.made(), 0o755))
            .map_err(|cause| unusable(&shop.0, cause))?;
        Ok(shop)
    }

    fn making(&self) -> PathBuf {
        self.0.join("making")
    }

    fn made(&self) -> PathBuf {
        self.0.join("made")
    }

    fn clear(&self) {
        let _what_is_not_there_is_cleared = fs::remove_dir_all(&self.0);
    }

    /// Makes the images of these recipes, and hands each over as an OCI image layout as soon as it is made.
    /// `mirror` replaces the machine's own package sources.
    pub fn make(
        &self,
        recipes: &[&Recipe],
        mirror: Option<&str>,
        hand_over: impl Fn(&str, &Path) -> Result<()>,
    ) -> Result<()> {
        if recipes.is_empty() {
            return Ok(());
        }
        let base = &Base::make(&self.making(), mirror)?;
        thread::scope(|scope| {
            let begun =
                recipes.iter().map(|recipe| (*recipe, scope.spawn(move || self.difference(recipe, base))));
            let begun: Vec<_> = begun.collect();
            let first = pack::layer(&base.root, &self.making().join("base.tar"), base.epoch)?;
            for (recipe, difference) in begun {
                let gone = |_| Err(Error::internal("the making of an image panicked"));
                let second = difference.join().unwrap_or_else(gone)?;
                let layers: Vec<_> = std::iter::once(&first).chain(second.as_ref()).collect();
                let folder = self.made().join(recipe.name);
                layout::write(&folder, &layers, base.epoch)?;
                hand_over(recipe.name, &folder)?;
            }
            Ok(())
        })
    }

    /// Copies images into OCI image layouts, and hands each over as soon as it is there.
    pub fn copy(
        &self,
        sources: &[(&str, &ImageSource)],
        hand_over: impl Fn(&str, &Path) -> Result<()>,
    ) -> Result<()> {
        for (name, source) in sources {
            let folder = self.made().join(name);
            open_folder(&folder)?;
            copy::copy(source, &folder)?;
            hand_over(name, &folder)?;
        }
        Ok(())
    }

    /// The layer of a recipe's packages, when it has some.
    fn difference(&self, recipe: &Recipe, base: &Base) -> Result<Option<Layer>> {
        if recipe.packages.is_empty() {
            return Ok(None);
        }
        let upper = derive::derive(&self.making().join(recipe.name), base, recipe)?;
        pack::layer(&upper, &self.making().join(format!("{}.tar", recipe.name)), base.epoch).map(Some)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A folder that everybody can read.
fn open_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o755)))
        .map_err(|cause| unusable(folder, cause))
}

fn unusable(path: &Path, cause: std::io::Error) -> Error {
    Error::unavailable("workshop", format!("{} cannot be used: {cause}", path.display()))
        .help("make room, or name another folder with --state")
        .because(cause)
}
