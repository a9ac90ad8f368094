//! Selection of the files of a folder that are uploaded.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use hearth_base::{Error, Result, join_first_names};
use ignore::{DirEntry, WalkBuilder};

use super::{
    default_excludes::{ExcludeReason, find_exclude_reason, is_path_inside},
    git_files::GitFiles,
};

/// The number of names that a note lists for each group.
const MAX_LISTED_NAMES: usize = 6;

/// The maximum size of a Git LFS pointer, in bytes (its specification says less than 1024).
const MAX_LFS_POINTER_BYTES: u64 = 1024;

/// The first line of a Git LFS pointer.
const LFS_POINTER_START: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// The files of a folder that are uploaded, and those that are not.
#[derive(Debug)]
pub struct FolderSelection {
    /// The folder, as a canonical path.
    pub folder: PathBuf,
    /// The selected entries, in the same order on every machine.
    pub entries: Vec<DirEntry>,
    /// Names that were left out by default, without those that git ignores.
    left_out: BTreeMap<ExcludeReason, BTreeSet<String>>,
    /// Sentences about entries that will be missing in the image although they are selected.
    pub warnings: Vec<String>,
}

/// The rules of one walk through a folder.
#[derive(Debug)]
struct SelectionRules {
    folder: PathBuf,
    include: Vec<PathBuf>,
    git: GitFiles,
    /// False when git is not installed: then the walk itself applies the ignore files.
    has_git: bool,
    /// Folders that are left out except for included entries below them.
    partial_folders: Vec<PathBuf>,
    /// Folders of packages or caches of which only tracked files are uploaded.
    tracked_only_folders: Vec<PathBuf>,
    left_out: BTreeMap<ExcludeReason, BTreeSet<String>>,
    error: Option<Error>,
}

/// The decision about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryDecision {
    Upload,
    IgnoredByGit,
    LeftOut(ExcludeReason),
}

/// Selects the files of `folder`. The entries `include`, relative to it, are selected with everything below them.
pub fn select_files(folder: &Path, include: &[PathBuf]) -> Result<FolderSelection> {
    let refused = |reason: String| {
        Error::invalid("no-folder", reason).help("name a folder, or the address of a git repository")
    };
    if !folder.is_dir() {
        return Err(refused(format!("{} is not a folder", folder.display())));
    }
    let folder =
        fs::canonicalize(folder).map_err(|cause| refused(format!("the folder cannot be opened: {cause}")))?;
    let include = include.iter().map(|path| check_include(&folder, path)).collect::<Result<Vec<_>>>()?;
    let mut git = GitFiles::default();
    let has_git = git.add_folder(&folder, Path::new(""))?;
    let rules = Arc::new(Mutex::new(SelectionRules {
        folder: folder.clone(),
        include,
        git,
        has_git,
        partial_folders: Vec::new(),
        tracked_only_folders: Vec::new(),
        left_out: BTreeMap::new(),
        error: None,
    }));
    let entries = walk_folder(&folder, has_git, &rules);
    let mut rules = rules.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = rules.error.take() {
        return Err(error);
    }
    let entries = entries?;
    let mut warnings = list_incomplete_entries(&folder, &entries, &rules.git);
    if !has_git && folder.ancestors().any(|above| above.join(".git").exists()) {
        warnings.push(
            "git is not installed: files that git tracks although .gitignore names them are left out"
                .to_owned(),
        );
    }
    let left_out = std::mem::take(&mut rules.left_out);
    drop(rules);
    Ok(FolderSelection { folder, entries, left_out, warnings })
}

/// Checks that an included path exists in the folder, and returns it in its plain form.
fn check_include(folder: &Path, path: &Path) -> Result<PathBuf> {
    let plain: PathBuf = path.components().filter(|part| !matches!(part, Component::CurDir)).collect();
    if is_path_inside(&plain) && folder.join(&plain).symlink_metadata().is_ok() {
        return Ok(plain);
    }
    let sentence = format!("there is nothing at {} to include", path.display());
    Err(Error::invalid("no-included-file", sentence)
        .help(format!("name a file or folder by its path in {}", folder.display())))
}

/// Walks the folder by the rules, in the same order on every machine.
fn walk_folder(folder: &Path, has_git: bool, rules: &Arc<Mutex<SelectionRules>>) -> Result<Vec<DirEntry>> {
    let mut walk = WalkBuilder::new(folder);
    walk.standard_filters(false).follow_links(false).sort_by_file_path(Ord::cmp);
    if !has_git {
        walk.git_ignore(true).git_global(true).git_exclude(true).require_git(false);
    }
    let rules = Arc::clone(rules);
    walk.filter_entry(move |entry| rules.lock().unwrap_or_else(PoisonError::into_inner).accept_entry(entry));
    let entries = walk.build().skip(1).map(|entry| {
        entry.map_err(|cause| Error::invalid("folder", format!("the folder cannot be read: {cause}")))
    });
    entries.collect()
}

impl SelectionRules {
    /// Decides about an entry, and records what is left out. Below a folder that is not accepted, the walk asks
    /// about nothing.
    fn accept_entry(&mut self, entry: &DirEntry) -> bool {
        let Ok(inside) = entry.path().strip_prefix(&self.folder) else { return true };
        let (inside, folder) = (inside.to_owned(), self.folder.clone());
        if inside.as_os_str().is_empty() {
            return true;
        }
        let is_folder = entry.file_type().is_some_and(|sort| sort.is_dir());
        if self.include.iter().any(|included| inside.starts_with(included)) {
            return true;
        }
        let leads_to_included =
            is_folder && self.include.iter().any(|included| included.starts_with(&inside));
        if self.partial_folders.iter().any(|partial| inside.starts_with(partial)) {
            return leads_to_included;
        }
        if is_folder && self.has_git && entry.path().join(".git").exists() {
            // A repository or submodule in the folder has rules of its own.
            if let Err(error) = self.git.add_folder(&folder, &inside) {
                self.error.get_or_insert(error);
            }
        }
        let decision = self.decide_entry(entry.path(), &inside, is_folder);
        if let EntryDecision::LeftOut(reason) = decision {
            let name = match reason {
                ExcludeReason::Credential => &inside,
                _ => Path::new(inside.file_name().unwrap_or_default()),
            };
            self.left_out.entry(reason).or_default().insert(name.display().to_string());
        }
        if decision == EntryDecision::Upload {
            return true;
        }
        if leads_to_included {
            self.partial_folders.push(inside);
        }
        leads_to_included
    }

    fn decide_entry(&mut self, path: &Path, inside: &Path, is_folder: bool) -> EntryDecision {
        let reason = find_exclude_reason(path, inside, is_folder);
        let is_tracked = self.git.is_tracked(inside);
        match reason {
            // Ignored entries are not listed: the user does not expect them in an upload.
            Some(ExcludeReason::PackageOrCache) if self.git.is_ignored(inside) => EntryDecision::IgnoredByGit,
            // What somebody committed to the repository is a part of the source, but never a credential.
            Some(ExcludeReason::PackageOrCache) if is_tracked => {
                self.tracked_only_folders.extend(is_folder.then(|| inside.to_owned()));
                EntryDecision::Upload
            }
            Some(reason) => EntryDecision::LeftOut(reason),
            None if self.git.is_ignored(inside) => EntryDecision::IgnoredByGit,
            None if !is_tracked
                && self.tracked_only_folders.iter().any(|above| inside.starts_with(above)) =>
            {
                EntryDecision::LeftOut(ExcludeReason::PackageOrCache)
            }
            None => EntryDecision::Upload,
        }
    }
}

impl FolderSelection {
    /// Describes what was left out in one line; `None` when nothing was.
    pub fn describe_left_out(&self) -> Option<String> {
        if self.left_out.is_empty() {
            return None;
        }
        let groups = self.left_out.iter().map(|(reason, names)| {
            let names: Vec<&String> = names.iter().collect();
            let listed = join_first_names(&names, MAX_LISTED_NAMES);
            reason.group_name().map_or(listed.clone(), |group| format!("{listed} ({group})"))
        });
        Some(format!(
            "left out: {}; --include PATH uploads one of them",
            groups.collect::<Vec<_>>().join(", ")
        ))
    }
}

/// Describes selected entries that will be missing in the image: links that lead out of the folder, submodules that
/// were not fetched, and pointers instead of Git LFS objects.
fn list_incomplete_entries(folder: &Path, entries: &[DirEntry], git: &GitFiles) -> Vec<String> {
    let mut links = Vec::new();
    let mut submodules = Vec::new();
    let mut pointers = Vec::new();
    for entry in entries {
        let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let Some(sort) = entry.file_type() else { continue };
        if sort.is_symlink() && leads_outside(folder, inside) {
            links.push(inside.display().to_string());
        } else if sort.is_dir() && git.is_tracked_itself(inside) && !entry.path().join(".git").exists() {
            submodules.push(inside.display().to_string());
        } else if sort.is_file() && is_lfs_pointer(entry) {
            pointers.push(inside.display().to_string());
        }
    }
    let describe = |names: Vec<String>, one: &str, next: &str| {
        let shown = join_first_names(&names, MAX_LISTED_NAMES);
        (!names.is_empty()).then(|| format!("{one}: {shown}; {next}"))
    };
    let found = [
        describe(links, "links that lead out of the folder lead nowhere in the image", "copy their targets"),
        describe(
            submodules,
            "submodules without files",
            "fetch them: git submodule update --init --recursive",
        ),
        describe(pointers, "Git LFS pointers instead of files", "fetch the files: git lfs pull"),
    ];
    found.into_iter().flatten().collect()
}

/// Returns true for a link to an absolute path or to a path outside of the folder.
fn leads_outside(folder: &Path, link: &Path) -> bool {
    let Ok(target) = fs::read_link(folder.join(link)) else { return false };
    let mut depth = link.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::RootDir | Component::Prefix(_) => return true,
            Component::CurDir => {}
            Component::ParentDir => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return true,
            },
            Component::Normal(_) => depth += 1,
        }
    }
    false
}

fn is_lfs_pointer(entry: &DirEntry) -> bool {
    let is_small = entry.metadata().is_ok_and(|found| found.len() < MAX_LFS_POINTER_BYTES);
    is_small && fs::read(entry.path()).is_ok_and(|content| content.starts_with(LFS_POINTER_START))
}
