//! Walk over the file system of an image.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{
    Distribution, Package,
    limits::MAX_PACKAGES,
    readers::{FileReader, choose_reader, read_cargo_lock, read_distribution, read_program},
};

/// Name of the lock file of a Rust source.
const CARGO_LOCK_NAME: &str = "Cargo.lock";

/// Limits of a walk.
#[derive(Debug, Clone, Copy)]
pub struct WalkLimits {
    /// Files and folders that are visited.
    pub entries: usize,
    /// Nesting of folders.
    pub depth: usize,
    /// Bytes that are read from files with lists of packages.
    pub bytes: u64,
    /// Packages.
    pub packages: usize,
}

impl Default for WalkLimits {
    fn default() -> Self {
        Self { entries: 1_000_000, depth: 64, bytes: 512 << 20, packages: MAX_PACKAGES }
    }
}

/// Packages that a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The packages, in order and once each.
    pub packages: Vec<Package>,
    /// True if no limit was reached.
    pub is_complete: bool,
    /// Distribution of the image, if it has one.
    pub distribution: Option<Distribution>,
}

/// Lists the packages in the file system at `root`. Of `source`, the folder that was built, only the lock file of a Rust
/// program is read: such a program does not name its crates. Links are not followed, and other file systems not entered.
pub fn list_packages(root: &Path, source: Option<&Path>, limits: WalkLimits) -> Inventory {
    let mut walk =
        Walk { limits, device: device_of(root), entries: 0, bytes: 0, found: Inventory::default() };
    walk.found.is_complete = true;
    walk.visit_tree(root);
    let has_crates = walk.found.packages.iter().any(|package| package.kind == crate::PackageKind::Cargo);
    if let Some(source) = source.filter(|_| !has_crates) {
        walk.read_lock_file(source);
    }
    let mut found = walk.found;
    found.packages.retain(Package::is_valid);
    found.packages.sort_unstable();
    found.packages.dedup();
    if found.packages.len() > limits.packages {
        found.packages.truncate(limits.packages);
        found.is_complete = false;
    }
    found
}

struct Walk {
    limits: WalkLimits,
    /// File system of the root.
    device: Option<u64>,
    entries: usize,
    bytes: u64,
    found: Inventory,
}

/// An entry of a folder.
struct WalkEntry {
    path: PathBuf,
    /// Path from the root, without a leading slash.
    location: String,
    depth: usize,
}

impl Walk {
    fn visit_tree(&mut self, root: &Path) {
        let mut folders = vec![WalkEntry { path: root.to_owned(), location: String::new(), depth: 0 }];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder.path) else {
                self.found.is_complete = false;
                continue;
            };
            for entry in entries.flatten() {
                self.entries += 1;
                if self.entries > self.limits.entries || self.found.packages.len() > self.limits.packages {
                    self.found.is_complete = false;
                    return;
                }
                let Ok(kind) = entry.file_type() else { continue };
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let location = match folder.location.as_str() {
                    "" => name.into_owned(),
                    above => format!("{above}/{name}"),
                };
                let found = WalkEntry { path: entry.path(), location, depth: folder.depth + 1 };
                if kind.is_dir() {
                    self.enter_folder(found, &mut folders);
                } else if kind.is_file() {
                    self.visit_file(&found);
                }
            }
        }
    }

    fn enter_folder(&mut self, folder: WalkEntry, folders: &mut Vec<WalkEntry>) {
        if folder.depth > self.limits.depth {
            self.found.is_complete = false;
        } else if device_of(&folder.path) == self.device {
            folders.push(folder);
        }
    }

    fn visit_file(&mut self, file: &WalkEntry) {
        let packages = match choose_reader(&file.location) {
            Some(FileReader::Distribution) => {
                let content = self.read_content(&file.path, MAX_DISTRIBUTION_BYTES);
                self.found.distribution = content
                    .and_then(|content| read_distribution(&content))
                    .or(self.found.distribution.take());
                return;
            }
            Some(FileReader::Content { max_bytes, read }) => {
                let Some(content) = self.read_content(&file.path, max_bytes) else { return };
                read(&content, &file.location)
            }
            None if is_executable(&file.path) => {
                let Ok(program) = File::open(&file.path) else { return };
                read_program(&program, &file.location)
            }
            None => return,
        };
        self.found.packages.extend(packages);
    }

    fn read_lock_file(&mut self, source: &Path) {
        let path = source.join(CARGO_LOCK_NAME);
        let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        if let Some(content) = is_file.then(|| self.read_content(&path, MAX_LOCK_BYTES)).flatten() {
            self.found.packages.extend(read_cargo_lock(&content, CARGO_LOCK_NAME));
        }
    }

    /// Opens a file that counts for the bytes of the walk; `None` for one that is too large.
    fn open_counted(&mut self, path: &Path, max_bytes: u64) -> Option<File> {
        let file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        self.bytes += size.min(max_bytes);
        if size > max_bytes || self.bytes > self.limits.bytes {
            self.found.is_complete = false;
            return None;
        }
        Some(file)
    }

    fn read_content(&mut self, path: &Path, max_bytes: u64) -> Option<Vec<u8>> {
        let file = self.open_counted(path, max_bytes)?;
        let mut content = Vec::new();
        file.take(max_bytes).read_to_end(&mut content).ok()?;
        Some(content)
    }
}

/// Largest `os-release`, in bytes.
const MAX_DISTRIBUTION_BYTES: u64 = 64 << 10;
/// Largest lock file of a source, in bytes.
const MAX_LOCK_BYTES: u64 = 8 << 20;

fn device_of(path: &Path) -> Option<u64> {
    path.symlink_metadata().ok().map(|metadata| metadata.dev())
}

fn is_executable(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write_file(root: &Path, path: &str, content: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn list_names(inventory: &Inventory) -> Vec<String> {
        inventory.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
    }

    #[test]
    fn packages_of_all_kinds_are_found() {
        let root = tempfile::tempdir().unwrap();
        let write = |path, content| write_file(root.path(), path, content);
        write("usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\n");
        write(
            "var/lib/dpkg/status",
            "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.41-12\n\nPackage: gone\n\
             Status: deinstall ok config-files\nVersion: 1\n",
        );
        write(
            "opt/venv/lib/python3.13/site-packages/flask-3.1.dist-info/METADATA",
            "Name: Flask\nVersion: 3.1.0\n\nName: x\n",
        );
        write(
            "app/node_modules/@a/b/package.json",
            "{\"name\":\"@a/b\",\"version\":\"1.0.0\",\"license\":\"MIT\"}",
        );
        write("app/package.json", "{\"name\":\"own\",\"version\":\"9\"}");
        write(
            "app/vendor/composer/installed.json",
            "{\"packages\":[{\"name\":\"a/c\",\"version\":\"v2.0\"}]}",
        );
        write(
            "opt/gems/specifications/rack-3.1.0.gemspec",
            "# -*- encoding: utf-8 -*-\n# stub: rack 3.1.0 ruby lib\n",
        );
        let found = list_packages(root.path(), None, WalkLimits::default());
        assert!(found.is_complete);
        assert_eq!(list_names(&found), ["c v2.0", "libc6 2.41-12", "rack 3.1.0", "b 1.0.0", "Flask 3.1.0"]);
        assert_eq!(found.distribution.unwrap().version.as_deref(), Some("13"));
    }

    #[test]
    fn links_are_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        write_file(outside.path(), "node_modules/x/package.json", "{\"name\":\"x\",\"version\":\"1\"}");
        let root = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("app")).unwrap();
        fs::create_dir_all(root.path().join("var/lib/dpkg")).unwrap();
        symlink("/var/lib/dpkg/status", root.path().join("var/lib/dpkg/status")).unwrap();
        symlink(root.path(), root.path().join("loop")).unwrap();
        assert!(list_packages(root.path(), None, WalkLimits::default()).packages.is_empty());
    }

    #[test]
    fn limits_end_a_walk_and_are_reported() {
        let root = tempfile::tempdir().unwrap();
        for number in 0..50 {
            let path = format!("node_modules/p{number}/package.json");
            write_file(root.path(), &path, &format!("{{\"name\":\"p{number}\",\"version\":\"1\"}}"));
        }
        for limits in [
            WalkLimits { entries: 20, ..WalkLimits::default() },
            WalkLimits { depth: 1, ..WalkLimits::default() },
            WalkLimits { bytes: 100, ..WalkLimits::default() },
            WalkLimits { packages: 10, ..WalkLimits::default() },
        ] {
            let found = list_packages(root.path(), None, limits);
            assert!(!found.is_complete && found.packages.len() < 50, "{limits:?}");
        }
    }

    #[test]
    fn crates_come_from_the_lock_file_of_the_source() {
        let (root, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let lock = "[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\nsource = \"registry+https://x\"\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";
        write_file(source.path(), CARGO_LOCK_NAME, lock);
        let found = list_packages(root.path(), Some(source.path()), WalkLimits::default());
        assert_eq!(list_names(&found), ["serde 1.0.0"]);
    }
}
