//! Computes a digest of this crate's sources: an image that another version of the recipes made is not up to date.

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    list_files(&folder, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in &files {
        // Paths below the folder: the same sources elsewhere have the same digest.
        hasher.write(file.strip_prefix(&folder).unwrap_or(file).as_os_str().as_encoded_bytes());
        hasher.write(&fs::read(file)?);
    }
    println!("cargo::rustc-env=HEARTH_RECIPES_DIGEST={:016x}", hasher.finish());
    Ok(())
}

/// Lists the files of a folder and of its subfolders.
fn list_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
