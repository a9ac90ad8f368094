//! Creates the initial images from Debian packages with the machine's package manager. No registry is needed,
//! and the machine's configuration for packages (sources, proxies, certificates) is used unchanged.
//!
//! One root file system is built for each Debian release, and every image as a difference on top of it, so that all of a
//! release share their first layer, and all but slim ones also the second. Images with a configured source are copied from there instead.

mod apt_sources;
mod base;
mod contents;
mod copy;
mod derive;
mod layout;
mod pack;
mod program;
mod recipe;

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
};

use hearth_base::{Error, Result};
use hearth_images::ImageSource;

use base::BaseSystem;
use pack::{LayerPart, PackedLayer};
pub use program::run_program;
pub use recipe::{ImageRecipe, list_recipes};

/// A working folder for images, deleted with this value.
pub struct ImageWorkspace(PathBuf);

impl ImageWorkspace {
    /// Creates the folder. Replaces one that an interrupted run left.
    pub fn open(folder: PathBuf) -> Result<Self> {
        let workspace = Self(folder);
        workspace.clear();
        let make = |folder: &Path, mode| fs::DirBuilder::new().recursive(true).mode(mode).create(folder);
        // Unfinished root file systems contain setuid programs and are closed to other users. Finished images
        // are readable.
        make(&workspace.0, 0o711)
            .and_then(|()| make(&workspace.work_folder(), 0o700))
            .and_then(|()| make(&workspace.output_folder(), 0o755))
            .map_err(|cause| unusable_error(&workspace.0, cause))?;
        Ok(workspace)
    }

    fn work_folder(&self) -> PathBuf {
        self.0.join("work")
    }

    fn output_folder(&self) -> PathBuf {
        self.0.join("output")
    }

    fn clear(&self) {
        let _may_be_absent = fs::remove_dir_all(&self.0);
    }

    /// Builds the images of recipes, and passes each one to `hand_over` as an OCI image layout as soon as it
    /// is built. `mirror` replaces the machine's package sources.
    pub fn build_images(
        &self,
        recipes: &[&ImageRecipe],
        mirror: Option<&str>,
        hand_over: impl Fn(&str, &Path) -> Result<()>,
    ) -> Result<()> {
        let mut releases: Vec<&str> = recipes.iter().map(|recipe| recipe.release.as_str()).collect();
        releases.dedup();
        for release in releases {
            let recipes: Vec<_> =
                recipes.iter().copied().filter(|recipe| recipe.release == release).collect();
            self.build_release(release, &recipes, mirror, &hand_over)?;
        }
        Ok(())
    }

    /// Builds the images of one Debian release.
    fn build_release(
        &self,
        release: &str,
        recipes: &[&ImageRecipe],
        mirror: Option<&str>,
        hand_over: &impl Fn(&str, &Path) -> Result<()>,
    ) -> Result<()> {
        let folder = self.work_folder().join(release);
        create_public_folder(&folder)?;
        let base = &BaseSystem::build(&folder, release, mirror)?;
        thread::scope(|scope| {
            let builds = recipes
                .iter()
                .map(|recipe| (*recipe, scope.spawn(move || self.build_difference(recipe, base))));
            let builds: Vec<_> = builds.collect();
            let [core, rest] = base.pack_layers(&folder)?;
            for (recipe, difference) in builds {
                let panicked = |_| Err(Error::internal("building an image panicked"));
                let difference = difference.join().unwrap_or_else(panicked)?;
                let rest = (!recipe.is_slim).then_some(&rest);
                let layers: Vec<_> = [&core].into_iter().chain(rest).chain(difference.as_ref()).collect();
                let folder = self.output_folder().join(&recipe.name);
                layout::write_layout(&folder, &layers, base.epoch)?;
                hand_over(&recipe.name, &folder)?;
            }
            Ok(())
        })
    }

    /// Copies images to OCI image layouts, and passes each one to `hand_over` as soon as it is copied.
    pub fn copy_images(
        &self,
        sources: &[(&str, &ImageSource)],
        hand_over: impl Fn(&str, &Path) -> Result<()>,
    ) -> Result<()> {
        for (name, source) in sources {
            let folder = self.output_folder().join(name);
            create_public_folder(&folder)?;
            copy::copy_image(source, &folder)?;
            hand_over(name, &folder)?;
        }
        Ok(())
    }

    /// Builds the layer of a recipe's packages, if it has any.
    fn build_difference(&self, recipe: &ImageRecipe, base: &BaseSystem) -> Result<Option<PackedLayer>> {
        if recipe.packages.is_empty() {
            return Ok(None);
        }
        let upper = derive::derive_image(&self.work_folder().join(&recipe.name), base, recipe)?;
        let archive = self.work_folder().join(format!("{}.tar", recipe.name));
        if recipe.is_slim {
            return base.pack_slim_layer(&recipe.packages, &upper, &archive).map(Some);
        }
        let parts = [LayerPart { folder: &upper, paths: None }];
        pack::pack_layer(recipe.packages.join(" "), &parts, &archive, base.epoch).map(Some)
    }
}

impl Drop for ImageWorkspace {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Creates a folder that all users can read.
fn create_public_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o755)))
        .map_err(|cause| unusable_error(folder, cause))
}

fn unusable_error(path: &Path, cause: std::io::Error) -> Error {
    Error::unavailable("workshop", format!("the working folder cannot be used: {}: {cause}", path.display()))
        .help("free disk space, or choose another folder with --state")
        .with_cause(cause)
}
