//! Digests of the files that decide whether a component is built: the patterns `when_changed` of a configuration select them
//! among the files of a folder.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use hearth_base::{Error, JobName, Result};
use ignore::DirEntry;
use sha2::{Digest as _, Sha256};

use crate::{
    config_file::ConfigFile, context::CommandContext, io_error::describe_io_error, pack::FolderSelection,
    platform,
};

/// The digests of components by name.
type SourceDigests = BTreeMap<JobName, String>;

/// Computes the digest of each component with patterns. A component whose patterns match no file has none, so that it is
/// built. Returns the selection again.
pub async fn compute_source_digests(
    cx: &CommandContext,
    config: &ConfigFile,
    selection: FolderSelection,
) -> Result<(FolderSelection, SourceDigests)> {
    if config.file_patterns.is_empty() {
        return Ok((selection, BTreeMap::new()));
    }
    let patterns = config.file_patterns.clone();
    // Reading the files blocks: a thread of its own keeps Ctrl-C working.
    let hashing = tokio::task::spawn_blocking(move || {
        hash_selected_files(&patterns, &selection).map(|digests| (selection, digests))
    });
    cx.wait_with_notices("the digests of the files", hashing).await.map_err(Error::internal)?
}

/// Hashes the paths, contents and kinds of the selected files that a pattern of a component matches.
fn hash_selected_files(
    file_patterns: &BTreeMap<String, Vec<String>>,
    selection: &FolderSelection,
) -> Result<SourceDigests> {
    let mut digests = BTreeMap::new();
    for (component, patterns) in file_patterns {
        let (Ok(name), true) = (component.parse::<JobName>(), !patterns.is_empty()) else { continue };
        let mut hash = Sha256::new();
        let mut files = 0;
        for entry in &selection.entries {
            let path = entry.path().strip_prefix(&selection.folder).unwrap_or(entry.path());
            let is_folder = entry.file_type().is_none_or(|kind| kind.is_dir());
            if is_folder || !patterns.iter().any(|pattern| matches_path(pattern, path)) {
                continue;
            }
            hash_entry(&mut hash, entry, path)?;
            files += 1;
        }
        if files > 0 {
            let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            digests.insert(name, format!("sha256:{digest}"));
        }
    }
    Ok(digests)
}

fn hash_entry(hash: &mut Sha256, entry: &DirEntry, path: &Path) -> Result<()> {
    let refused = |cause: io::Error| {
        Error::invalid("folder", format!("{} cannot be read: {}", path.display(), describe_io_error(&cause)))
    };
    let is_link = entry.file_type().is_some_and(|kind| kind.is_symlink());
    let (kind, content) = match is_link {
        true => {
            let target: PathBuf = fs::read_link(entry.path()).map_err(refused)?;
            ("link", target.as_os_str().as_encoded_bytes().to_owned())
        }
        false if platform::is_executable(entry.path()) => {
            ("program", fs::read(entry.path()).map_err(refused)?)
        }
        false => ("file", fs::read(entry.path()).map_err(refused)?),
    };
    // Lengths separate the parts, so that no two different folders have the same input.
    for part in [kind.as_bytes(), path.as_os_str().as_encoded_bytes(), &content] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Ok(())
}

/// True if a pattern matches a path: `*` and `?` within a segment, `**` for any number of segments.
fn matches_path(pattern: &str, path: &Path) -> bool {
    let Some(path) = path.to_str() else { return false };
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split(std::path::MAIN_SEPARATOR).collect();
    // `matched[at]`: the pattern so far matches the first `at` segments.
    let mut matched = vec![false; path.len() + 1];
    matched[0] = true;
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        if part == "**" {
            let mut any = false;
            for at in 0..=path.len() {
                any |= matched[at];
                next[at] = any;
            }
        } else {
            for at in 0..path.len() {
                next[at + 1] = matched[at] && matches_segment(part.as_bytes(), path[at].as_bytes());
            }
        }
        matched = next;
    }
    matched[path.len()]
}

/// True if a pattern with `*` and `?` matches a text. It returns to the last `*` only, so its time is bounded.
fn matches_segment(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_text) = (0, 0);
    let mut last_star = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, in_text));
                at += 1;
            }
            Some(symbol) if *symbol == b'?' || *symbol == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star, from)) = last_star else { return false };
                last_star = Some((star, from + 1));
                (at, in_text) = (star + 1, from + 1);
            }
        }
    }
    pattern[at..].iter().all(|symbol| *symbol == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::select_files;

    #[test]
    fn pattern_matches_whole_paths() {
        for (pattern, path, matches) in [
            ("web/**", "web/a/b.js", true),
            ("web/**", "web/a.js", true),
            ("web/**", "webs/a.js", false),
            ("web/*", "web/a/b.js", false),
            ("**/*.py", "a.py", true),
            ("**/*.py", "a/b/c.py", true),
            ("**/*.py", "a/b/c.pyc", false),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("*.lock", "x.lock", true),
            ("*.lock", "a/x.lock", false),
            ("file?.txt", "file1.txt", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("**", "a/b", true),
            ("README", "README", true),
        ] {
            assert_eq!(matches_path(pattern, Path::new(path)), matches, "{pattern} {path}");
        }
    }

    #[test]
    fn digest_changes_with_the_files_that_the_patterns_select() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(folder.path())).map_err(Error::internal)?;
            fs::write(path, text).map_err(Error::internal)
        };
        let text = "components:\n  web: {when_changed: ['web/**']}\n  api: {when_changed: [api/**, '*.lock']}\n  none: {when_changed: [x]}\n";
        let config = ConfigFile::from_text("hearth.yaml", text.to_owned())?;
        let compute = || hash_selected_files(&config.file_patterns, &select_files(folder.path(), &[])?);
        write("web/a.js", "1")?;
        write("api/b.py", "1")?;
        let first = compute()?;
        assert_eq!(first.keys().map(JobName::as_str).collect::<Vec<_>>(), ["api", "web"]);
        write("api/b.py", "2")?;
        write("README", "unrelated")?;
        let second = compute()?;
        let (api, web) = ("api".parse()?, "web".parse()?);
        assert_ne!(first[&api], second[&api]);
        assert_eq!(first[&web], second[&web]);
        fs::rename(folder.path().join("web/a.js"), folder.path().join("web/b.js"))
            .map_err(Error::internal)?;
        assert_ne!(second[&web], compute()?[&web]);
        Ok(())
    }
}
