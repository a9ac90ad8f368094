//! Builds the difference of an image to the base system.

use std::{
    ffi::CStr,
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::Result;

use super::{
    base::BaseSystem,
    program::run_program,
    recipe::{ImageFile, ImageRecipe},
    unusable_error,
};

/// The shell program that mounts the overlay and installs packages. All its arguments are generated here.
const DERIVE_SCRIPT: &str = include_str!("derive.sh");

/// The extended attribute by which overlayfs marks a folder that hides the one below.
const OPAQUE_XATTR: &CStr = c"trusted.overlay.opaque";

/// Installs a recipe's packages on top of the base system. Returns the folder with the difference, with
/// whiteouts of a layer.
pub fn derive_image(folder: &Path, base: &BaseSystem, recipe: &ImageRecipe) -> Result<PathBuf> {
    let [upper, work, root] = ["upper", "work", "root"].map(|name| folder.join(name));
    for folder in [&upper, &work, &root] {
        super::create_public_folder(folder)?;
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-eu", "-c", DERIVE_SCRIPT, "derive"]);
    command.args([&base.root, &upper, &work, &root, &base.lists]);
    for path in recipe.excluded_paths() {
        command.args(["-o", &format!("Dpkg::Options::=--path-exclude={path}")]);
    }
    command.args(&recipe.packages);
    run_program(&mut command)?;
    convert_whiteouts(&upper)?;
    for file in recipe.list_files() {
        write_image_file(&upper, file)?;
    }
    Ok(upper)
}

fn write_image_file(upper: &Path, file: &ImageFile) -> Result<()> {
    let path = upper.join(file.path);
    let written = fs::create_dir_all(path.parent().unwrap_or(upper))
        .and_then(|()| fs::write(&path, file.content))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(file.mode)));
    written.map_err(|cause| unusable_error(&path, cause))
}

/// Converts deletions from overlayfs' form (devices and attributes) to whiteout files (OCI image
/// specification, `layer.md`, "Whiteouts").
fn convert_whiteouts(folder: &Path) -> Result<()> {
    let failed = |cause| unusable_error(folder, cause);
    let mut entries: Vec<_> = fs::read_dir(folder).and_then(Iterator::collect).map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let meta = fs::symlink_metadata(&path).map_err(failed)?;
        if meta.file_type().is_char_device() && meta.rdev() == 0 {
            let mut name = std::ffi::OsString::from(".wh.");
            name.push(entry.file_name());
            fs::remove_file(&path).and_then(|()| fs::write(folder.join(name), "")).map_err(failed)?;
        } else if meta.is_dir() {
            let mut value = [0; 1];
            if rustix::fs::lgetxattr(&path, OPAQUE_XATTR, &mut value).is_ok_and(|size| value[..size] == *b"y")
            {
                fs::write(path.join(".wh..wh..opq"), "").map_err(failed)?;
            }
            convert_whiteouts(&path)?;
        }
    }
    Ok(())
}
