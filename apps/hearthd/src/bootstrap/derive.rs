//! What an image has on top of the base.

use std::{
    ffi::CStr,
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::Result;

use super::{base::Base, recipe::Recipe, run::output, unusable};

/// The steps, which need mounts: a program for the shell, whose arguments are all ours.
const STEPS: &str = include_str!("derive.sh");

/// How overlayfs says that a folder hides what is below it.
const OPAQUE: &CStr = c"trusted.overlay.opaque";

/// Installs a recipe's packages on top of the base; the folder with the difference, as a layer has it.
pub fn derive(folder: &Path, base: &Base, recipe: &Recipe) -> Result<PathBuf> {
    let [upper, work, root] = ["upper", "work", "root"].map(|name| folder.join(name));
    for folder in [&upper, &work, &root] {
        super::open_folder(folder)?;
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-eu", "-c", STEPS, "derive"]);
    command.args([&base.root, &upper, &work, &root, &base.lists]);
    for path in recipe.without {
        command.args(["-o", &format!("Dpkg::Options::=--path-exclude={path}")]);
    }
    command.args(recipe.packages);
    output(&mut command)?;
    as_layer(&upper)?;
    Ok(upper)
}

/// Says in a layer's way what is gone (OCI image specification, `layer.md`, "Whiteouts"): overlayfs says it with
/// devices and attributes.
fn as_layer(folder: &Path) -> Result<()> {
    let failed = |cause| unusable(folder, cause);
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
            if rustix::fs::lgetxattr(&path, OPAQUE, &mut value).is_ok_and(|size| value[..size] == *b"y") {
                fs::write(path.join(".wh..wh..opq"), "").map_err(failed)?;
            }
            as_layer(&path)?;
        }
    }
    Ok(())
}
