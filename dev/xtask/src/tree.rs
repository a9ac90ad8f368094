//! The files of the repository as the checks see them: paths from the root and the content of text files.
//! Checks are functions of a [`Tree`], so that their tests need no disk.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use crate::command_error::CommandError;

/// All files that git tracks or would track, uncommitted ones included.
#[derive(Default)]
pub struct Tree {
    /// `None` for a file that is not text.
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Read the work tree at `root`.
    pub fn read(root: &Path) -> Result<Self, CommandError> {
        let mut files = BTreeMap::new();
        for path in list_paths(root)? {
            let on_disk = root.join(&path);
            // Git still lists a file that was deleted and not yet committed, and it lists links and submodules.
            if !on_disk.symlink_metadata().is_ok_and(|met| met.is_file()) {
                continue;
            }
            let bytes = fs::read(&on_disk).map_err(|error| {
                CommandError::new(format!("{path} cannot be read: {error}"), "check the file's permissions")
            })?;
            files.insert(path, String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')));
        }
        Ok(Self { files })
    }

    /// Paths and texts of all text files, in order of path.
    pub fn list_texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Paths and texts of the files whose name ends in `extension`, which starts with a dot.
    pub fn ending_in(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        self.list_texts().filter(move |(path, _)| path.ends_with(extension))
    }

    /// The text of one file, if it is there and is text.
    pub fn find_text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Returns true if there is a file, or a folder with files, at `path`. The empty path is the root.
    pub fn has_path(&self, path: &str) -> bool {
        let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.files.contains_key(path)
            || self.files.range(folder.clone()..).next().is_some_and(|(first, _)| first.starts_with(&folder))
    }

    /// The number of files, text or not.
    pub fn len(&self) -> usize {
        self.files.len()
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())));
        Self { files: files.collect() }
    }
}

fn list_paths(root: &Path) -> Result<Vec<String>, CommandError> {
    let next = "run this in a git checkout of the project, with git installed";
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .map_err(|error| CommandError::new(format!("git cannot be started: {error}"), next))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(CommandError::new(format!("git does not list the files: {}", message.trim()), next));
    }
    let names = String::from_utf8(output.stdout).map_err(|_| {
        CommandError::new("a file's name is not UTF-8", "rename it: `git ls-files` shows odd names in quotes")
    })?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_exist_when_a_file_is_in_them() {
        let tree = Tree::from([("docs/guide/first.md", ""), ("docs-old.md", "")]);
        assert!(tree.has_path("docs/guide/first.md"));
        assert!(tree.has_path("docs/guide"));
        assert!(tree.has_path("docs"));
        assert!(tree.has_path(""));
        assert!(!tree.has_path("docs/guid"));
        assert!(!tree.has_path("doc"));
    }
}
