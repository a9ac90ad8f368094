//! The files of a site: which file a path means, and which files are not served.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

use percent_encoding::percent_decode;

/// Files at the top of a site that describe its build, in lower case.
const HIDDEN_NAMES: [&str; 5] = ["hearth.yaml", "hearth.yml", "procfile", "containerfile", "dockerfile"];

/// Folder of files about the site, which is public (RFC 8615).
const WELL_KNOWN_FOLDER: &str = ".well-known";

/// Page of a folder.
const INDEX_NAME: &str = "index.html";

/// A folder whose files are served.
pub struct SiteFolder {
    /// Its real path.
    root: PathBuf,
}

/// A file of a site.
#[derive(Debug, PartialEq, Eq)]
pub enum SitePage {
    /// The file with this real path.
    File(PathBuf),
    /// The page of a folder, whose address lacks the final slash: relative links in the page would be wrong.
    FolderWithoutSlash,
}

impl SiteFolder {
    /// Opens a folder.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        Ok(Self { root: folder.canonicalize()? })
    }

    /// The real path of the folder.
    pub fn folder_path(&self) -> &Path {
        &self.root
    }

    /// Finds the page of a request's path: a file, the same name with `.html`, or the index of a folder.
    pub fn find_page(&self, path: &str) -> Option<SitePage> {
        let decoded: Vec<u8> = percent_decode(path.as_bytes()).collect();
        let names: Vec<&OsStr> = decoded
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
            .map(OsStr::from_bytes)
            .collect();
        if decoded.contains(&0) || !is_visible(&names) {
            return None;
        }
        let own = names.iter().fold(self.root.clone(), |path, name| path.join(name));
        let mut page = own.clone().into_os_string();
        page.push(".html");
        let index = self.resolve_file(&own.join(INDEX_NAME));
        if index.is_some() && !names.is_empty() && !path.ends_with('/') {
            return Some(SitePage::FolderWithoutSlash);
        }
        index
            .or_else(|| self.resolve_file(&own))
            .or_else(|| self.resolve_file(Path::new(&page)))
            .map(SitePage::File)
    }

    /// Resolves links. `None` when the result is no file, outside of the folder, or hidden.
    fn resolve_file(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        let inside = real.strip_prefix(&self.root).ok()?;
        let names: Vec<&OsStr> = inside
            .components()
            .map(|component| match component {
                Component::Normal(name) => Some(name),
                _ => None,
            })
            .collect::<Option<_>>()?;
        (is_visible(&names) && real.is_file()).then_some(real)
    }
}

/// True when no name of a path is hidden.
fn is_visible(names: &[&OsStr]) -> bool {
    let rest = match names.split_first() {
        Some((first, rest)) if *first == WELL_KNOWN_FOLDER => rest,
        _ => names,
    };
    let is_hidden_file = |name: &OsStr| {
        name.to_str().is_some_and(|name| HIDDEN_NAMES.contains(&name.to_ascii_lowercase().as_str()))
    };
    // A name that begins with a dot may also be the parent folder.
    rest.iter().all(|name| !name.as_bytes().starts_with(b"."))
        && !matches!(names, [name] if is_hidden_file(name))
}
