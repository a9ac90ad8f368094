//! The packages of a root file system and their files: which go into which layer.
//!
//! A slim image contains the files of its packages and of all that these need to run, but no package manager and no
//! interpreter that only their installation needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use hearth_base::Result;

use super::unusable_error;

/// The file with the states of all packages (dpkg).
pub const STATUS_PATH: &str = "var/lib/dpkg/status";

/// The folder with the lists of each package's files.
const LISTS_PATH: &str = "var/lib/dpkg/info";

/// Packages that others need for their installation only.
const INSTALLATION_PACKAGES: [&str; 9] = [
    "adduser",
    "debconf",
    "dpkg",
    "init-system-helpers",
    "login",
    "openssl",
    "passwd",
    "perl-base",
    "usr-is-merged",
];

/// Files that no package contains, and that only package managers need.
const INSTALLATION_PATHS: [&str; 4] = ["etc/apt", "var/cache", "var/lib/apt", "var/lib/dpkg"];

/// Tables of `iconv`, which slim images do without: 8 MB.
const ICONV_FOLDER: &str = "gconv";

/// Folders of the top that are links into `/usr`. Lists of files may name them.
const MERGED_FOLDERS: [&str; 5] = ["bin", "lib", "lib32", "lib64", "sbin"];

/// The installed packages of a root file system.
pub struct PackageDatabase {
    /// Their entries in the status file.
    entries: BTreeMap<String, String>,
    /// Packages that stand for a virtual one.
    providers: BTreeMap<String, String>,
}

impl PackageDatabase {
    /// Reads the database of a root file system.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(STATUS_PATH);
        let text = fs::read_to_string(&path).map_err(|cause| unusable_error(&path, cause))?;
        let (mut entries, mut providers) = (BTreeMap::new(), BTreeMap::new());
        for entry in text.split("\n\n") {
            let Some(name) = read_field(entry, "Package") else { continue };
            for provided in read_field(entry, "Provides").into_iter().flat_map(parse_alternatives) {
                providers.entry(provided[0].to_owned()).or_insert_with(|| name.to_owned());
            }
            entries.insert(name.to_owned(), entry.trim_matches('\n').to_owned());
        }
        Ok(Self { entries, providers })
    }

    /// Lists packages and all that they need to run. Packages that are not installed are left out.
    pub fn list_needed<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let mut needed = BTreeSet::new();
        let mut open: Vec<String> = names.into_iter().filter_map(|name| self.find_installed(name)).collect();
        while let Some(name) = open.pop() {
            let Some(entry) = self.entries.get(&name) else { continue };
            if INSTALLATION_PACKAGES.contains(&name.as_str()) || !needed.insert(name) {
                continue;
            }
            for field in ["Depends", "Pre-Depends"] {
                let alternatives = read_field(entry, field).into_iter().flat_map(parse_alternatives);
                open.extend(
                    alternatives
                        .filter_map(|names| names.into_iter().find_map(|name| self.find_installed(name))),
                );
            }
        }
        needed
    }

    fn find_installed(&self, name: &str) -> Option<String> {
        if self.entries.contains_key(name) {
            return Some(name.to_owned());
        }
        self.providers.get(name).cloned()
    }

    /// Renders the status file of an image that contains only these packages, for programs that list them.
    pub fn render_status(&self, names: &BTreeSet<String>) -> String {
        let entries = self.entries.iter().filter(|(name, _)| names.contains(*name));
        entries.map(|(_, entry)| format!("{entry}\n\n")).collect()
    }
}

/// Reads a field of one line (deb-control(5)).
fn read_field<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    entry.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// Parses a list of packages: alternatives without versions and architectures.
fn parse_alternatives(list: &str) -> impl Iterator<Item = Vec<&str>> {
    list.split(',').map(|alternatives| {
        let names = alternatives.split('|').map(|name| {
            let name = name.trim();
            name.find([' ', '(', ':']).map_or(name, |end| &name[..end])
        });
        names.collect()
    })
}

/// The paths of the files that packages contain, and whether a layer has these packages.
pub struct PackageFiles(BTreeMap<PathBuf, bool>);

impl PackageFiles {
    /// Reads the lists of files in root file systems. `wanted` are the packages of the layer.
    pub fn read(roots: &[&Path], wanted: &BTreeSet<String>) -> Result<Self> {
        let mut files = BTreeMap::new();
        for folder in roots.iter().map(|root| root.join(LISTS_PATH)).filter(|folder| folder.is_dir()) {
            for entry in fs::read_dir(&folder).map_err(|cause| unusable_error(&folder, cause))? {
                let path = entry.map_err(|cause| unusable_error(&folder, cause))?.path();
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Some(package) = name.strip_suffix(".list") else { continue };
                let is_wanted = wanted.contains(package.split(':').next().unwrap_or_default());
                let text = fs::read_to_string(&path).map_err(|cause| unusable_error(&path, cause))?;
                for line in text.lines() {
                    *files.entry(locate_file(line)).or_insert(false) |= is_wanted;
                }
            }
        }
        Ok(Self(files))
    }

    /// True when the layer has this path: a file of its packages, or one that their installation made.
    pub fn has_path(&self, path: &Path) -> bool {
        match self.0.get(path) {
            Some(is_wanted) => {
                *is_wanted && !path.parent().is_some_and(|parent| parent.ends_with(ICONV_FOLDER))
            }
            None => !INSTALLATION_PATHS.iter().any(|folder| path.starts_with(folder)),
        }
    }

    /// True when the path is a file of the layer's packages.
    pub fn has_packaged_path(&self, path: &Path) -> bool {
        self.0.contains_key(path) && self.has_path(path)
    }
}

/// Finds the place of a packaged file in a root file system whose top folders are links into `/usr`.
fn locate_file(listed: &str) -> PathBuf {
    let path = listed.trim_start_matches('/');
    match path.split_once('/') {
        Some((top, _)) if MERGED_FOLDERS.contains(&top) => Path::new("usr").join(path),
        _ => PathBuf::from(path),
    }
}

/// A folder's entries, as paths relative to it.
#[derive(Default)]
pub struct FolderEntries {
    /// Folders.
    pub folders: BTreeSet<PathBuf>,
    /// Files, links and all other entries.
    pub files: BTreeSet<PathBuf>,
}

impl FolderEntries {
    /// Lists all entries of a folder.
    pub fn list(root: &Path) -> Result<Self> {
        let mut entries = Self::default();
        entries.add_folder(root, Path::new(""))?;
        Ok(entries)
    }

    fn add_folder(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let path = root.join(folder);
        let failed = |cause| unusable_error(&path, cause);
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let inside = folder.join(entry.file_name());
            if entry.file_type().map_err(failed)?.is_dir() {
                self.add_folder(root, &inside)?;
                self.folders.insert(inside);
            } else {
                self.files.insert(inside);
            }
        }
        Ok(())
    }

    /// Splits the entries: those with the files that `selects` accepts, and the others. Folders go to each part that
    /// has something in them; empty ones go to the first part if `selects` accepts them.
    pub fn split(self, selects: impl Fn(&Path) -> bool) -> (Self, Self) {
        let (files, other_files) = self.files.into_iter().partition(|path| selects(path));
        let (mut first, mut second) =
            (Self { files, ..Self::default() }, Self { files: other_files, ..Self::default() });
        first.add_parents();
        second.add_parents();
        for folder in self.folders {
            let part = if selects(&folder) { &mut first } else { &mut second };
            part.folders.insert(folder);
        }
        first.add_parents();
        (first, second)
    }

    /// Adds the folders that contain the entries.
    fn add_parents(&mut self) {
        let parents: Vec<PathBuf> = self
            .files
            .iter()
            .chain(&self.folders)
            .flat_map(|path| path.ancestors().skip(1))
            .filter(|parent| !parent.as_os_str().is_empty())
            .map(Path::to_owned)
            .collect();
        self.folders.extend(parents);
    }

    /// Lists all entries, folders before their contents.
    pub fn into_paths(self) -> BTreeSet<PathBuf> {
        let mut paths = self.folders;
        paths.extend(self.files);
        paths
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::Error;

    use super::*;

    const DPKG_STATUS: &str = "Package: base\nPre-Depends: awk\nDepends: libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0\n\n\
                          Package: mawk\nProvides: awk\n\nPackage: libc6\nDepends: libgcc-s1:any\n\n\
                          Package: libgcc-s1\n\nPackage: debconf\nDepends: perl-base\n\nPackage: perl-base\n";

    fn write_root(files: &[(&str, &str)]) -> Result<tempfile::TempDir> {
        let root = tempfile::tempdir().map_err(Error::internal)?;
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).map_err(Error::internal)?;
            fs::write(path, text).map_err(Error::internal)?;
        }
        Ok(root)
    }

    #[test]
    fn package_needs_no_programs_of_its_installation() -> Result<()> {
        let root = write_root(&[(STATUS_PATH, DPKG_STATUS)])?;
        let packages = PackageDatabase::read(root.path())?;
        let needed = packages.list_needed(["base", "unknown"]);
        assert_eq!(needed.iter().collect::<Vec<_>>(), ["base", "libc6", "libgcc-s1", "mawk"]);
        let status = packages.render_status(&needed);
        assert!(status.contains("Package: mawk\nProvides: awk\n\n") && !status.contains("Package: debconf"));
        Ok(())
    }

    #[test]
    fn each_file_is_in_one_part_and_folders_are_in_both() -> Result<()> {
        let root = write_root(&[
            ("usr/bin/sh", ""),
            ("usr/bin/perl", ""),
            ("usr/lib/x/gconv/a.so", ""),
            ("etc/made", ""),
            ("var/lib/dpkg/status", DPKG_STATUS),
            ("var/lib/dpkg/info/dash.list", "/.\n/bin\n/bin/sh\n/srv\n/usr/lib/x/gconv/a.so\n"),
            ("var/lib/dpkg/info/perl-base:amd64.list", "/.\n/usr/bin/perl\n/opt\n"),
            ("srv/.keep/x", ""),
        ])?;
        fs::create_dir(root.path().join("opt")).map_err(Error::internal)?;
        let files = PackageFiles::read(&[root.path()], &BTreeSet::from(["dash".to_owned()]))?;
        let (first, second) = FolderEntries::list(root.path())?.split(|path| files.has_path(path));
        let (first, second) = (first.into_paths(), second.into_paths());
        for path in ["usr", "usr/bin", "usr/bin/sh", "etc/made", "srv"] {
            assert!(first.contains(Path::new(path)), "{path}: {first:?}");
        }
        for path in ["usr", "usr/bin", "usr/bin/perl", "opt", "usr/lib/x/gconv/a.so", "var/lib/dpkg/status"] {
            assert!(second.contains(Path::new(path)), "{path}: {second:?}");
        }
        assert!(first.intersection(&second).all(|path| root.path().join(path).is_dir()));
        Ok(())
    }
}
