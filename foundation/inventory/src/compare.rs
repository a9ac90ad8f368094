//! Comparison of two file systems: of an image and of the same image built again.

use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata},
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::limits::MAX_DIFFERENCES;

/// Files and folders that are compared, at most.
const MAX_COMPARED_ENTRIES: u64 = 2_000_000;
/// Nesting of folders.
const MAX_DEPTH: usize = 64;
/// Longest path that is reported, in characters.
const MAX_PATH_CHARS: usize = 512;

/// A file by which two images differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDifference {
    /// Its path, without a leading slash.
    pub path: String,
    /// Kind of the difference.
    pub kind: DifferenceKind,
}

/// Kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Only the first image has it.
    Missing,
    /// Only the second image has it.
    Added,
    /// It is a file of another type.
    Type,
    /// Its content, or the target of a link.
    Content,
    /// Its permissions or owner.
    Permissions,
}

impl FileDifference {
    /// True if the path is short printable text.
    pub fn is_valid(&self) -> bool {
        let length = self.path.chars().count();
        (1..=MAX_PATH_CHARS).contains(&length) && !self.path.chars().any(char::is_control)
    }
}

/// Differences of two file systems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeComparison {
    /// The first differences, by path.
    pub differences: Vec<FileDifference>,
    /// Number of files that differ in more than their times.
    pub count: u64,
    /// Number of files that differ only in their times.
    pub time_count: u64,
    compared: u64,
}

/// Compares two file systems. Links are compared, not followed.
pub fn compare_trees(one: &Path, other: &Path) -> TreeComparison {
    let mut comparison = TreeComparison::default();
    comparison.compare_folders(one, other, "", 0);
    comparison.differences.sort_by(|one, other| one.path.cmp(&other.path));
    comparison
}

impl TreeComparison {
    fn compare_folders(&mut self, one: &Path, other: &Path, location: &str, depth: usize) {
        let (left, right) = (list_names(one), list_names(other));
        let names: BTreeMap<&String, ()> = left.iter().chain(&right).map(|name| (name, ())).collect();
        for name in names.into_keys() {
            self.compared += 1;
            if self.compared > MAX_COMPARED_ENTRIES {
                return;
            }
            let path = if location.is_empty() { name.clone() } else { format!("{location}/{name}") };
            let (one, other) = (one.join(name), other.join(name));
            match (one.symlink_metadata(), other.symlink_metadata()) {
                (Ok(left), Ok(right)) => {
                    self.compare_entries((&one, &left), (&other, &right), &path);
                    if left.is_dir() && right.is_dir() && depth < MAX_DEPTH {
                        self.compare_folders(&one, &other, &path, depth + 1);
                    }
                }
                (Ok(_), Err(_)) => self.record_difference(&path, DifferenceKind::Missing),
                (Err(_), _) => self.record_difference(&path, DifferenceKind::Added),
            }
        }
    }

    fn compare_entries(&mut self, one: (&Path, &Metadata), other: (&Path, &Metadata), path: &str) {
        let ((one, left), (other, right)) = (one, other);
        if left.file_type() != right.file_type() {
            return self.record_difference(path, DifferenceKind::Type);
        }
        let is_same = match () {
            () if left.is_file() => left.len() == right.len() && has_same_content(one, other),
            () if left.is_symlink() => fs::read_link(one).ok() == fs::read_link(other).ok(),
            () => left.rdev() == right.rdev(),
        };
        let owner = |metadata: &Metadata| (metadata.mode(), metadata.uid(), metadata.gid());
        match () {
            () if !is_same => self.record_difference(path, DifferenceKind::Content),
            () if owner(left) != owner(right) => self.record_difference(path, DifferenceKind::Permissions),
            () if left.mtime() != right.mtime() => self.time_count += 1,
            () => {}
        }
    }

    fn record_difference(&mut self, path: &str, kind: DifferenceKind) {
        self.count += 1;
        if self.differences.len() < MAX_DIFFERENCES {
            let path = path.chars().filter(|symbol| !symbol.is_control()).take(MAX_PATH_CHARS).collect();
            self.differences.push(FileDifference { path, kind });
        }
    }
}

/// Lists the names in a folder. Names that are not UTF-8 are compared by their readable form.
fn list_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Compares the contents of two files of the same length.
fn has_same_content(one: &Path, other: &Path) -> bool {
    let (Ok(mut one), Ok(mut other)) = (File::open(one), File::open(other)) else { return false };
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let Ok(length) = one.read(&mut left) else { return false };
        if length == 0 {
            return true;
        }
        if other.read_exact(&mut right[..length]).is_err() || left[..length] != right[..length] {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn comparison_names_each_file_that_differs() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for root in [one.path(), other.path()] {
            fs::create_dir_all(root.join("app/same")).unwrap();
            for name in ["content", "mode", "same/file"] {
                fs::write(root.join("app").join(name), "a").unwrap();
            }
        }
        fs::write(other.path().join("app/content"), "b").unwrap();
        fs::set_permissions(other.path().join("app/mode"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(other.path().join("app/new"), "").unwrap();
        symlink("/etc", one.path().join("app/old")).unwrap();
        let comparison = compare_trees(one.path(), other.path());
        let found: Vec<_> =
            comparison.differences.iter().map(|found| (found.path.as_str(), found.kind)).collect();
        assert_eq!(
            found,
            [
                ("app/content", DifferenceKind::Content),
                ("app/mode", DifferenceKind::Permissions),
                ("app/new", DifferenceKind::Added),
                ("app/old", DifferenceKind::Missing),
            ]
        );
        assert_eq!(comparison.count, 4);
    }

    #[test]
    fn times_alone_are_no_difference() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for root in [one.path(), other.path()] {
            fs::write(root.join("file"), "a").unwrap();
        }
        let file = File::options().write(true).open(one.path().join("file")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        let comparison = compare_trees(one.path(), other.path());
        assert_eq!((comparison.count, comparison.time_count), (0, 1));
    }
}
