//! The base system: the root file system that all images of a Debian release share.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{Error, Result};
use jiff::{Timestamp, fmt::rfc2822};

use super::{
    apt_sources,
    contents::{FolderEntries, PackageDatabase, PackageFiles, STATUS_PATH},
    pack::{LayerPart, PackedLayer, pack_layer},
    program::run_program,
    recipe::{BASE_PACKAGES, CORE_PACKAGES, EXCLUDED_PATHS},
    unusable_error,
};

/// The machine's bundle of trusted CA certificates.
const CERTIFICATES_PATH: &str = "etc/ssl/certs/ca-certificates.crt";

/// mmdebstrap's hook for releases whose top folders are links into `/usr`. Without it, apt installs a program that makes
/// these links, with 47 MB of Perl.
const MERGED_FOLDERS_HOOK: &str = "/usr/share/mmdebstrap/hooks/maybe-merged-usr";

/// Server of static pages, linked statically (`apps/static-server`).
const STATIC_SERVER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/static-server"));

/// Place of the server in all images.
const STATIC_SERVER_PATH: &str = "usr/local/bin/static-server";

/// The root file system that all images of a Debian release share.
///
/// Its first layer, the core, has what any program needs: a libc, a shell, certificates, time zones. Slim images have
/// only this one below their own. The second layer adds the rest of a usual Debian: apt, dpkg, Perl, curl.
pub struct BaseSystem {
    /// Name of the release.
    release: String,
    /// Packages of the core.
    core_packages: BTreeSet<String>,
    /// Paths of the first layer.
    core_paths: BTreeSet<PathBuf>,
    /// Paths of the second layer.
    rest_paths: BTreeSet<PathBuf>,
    /// Its folder.
    pub root: PathBuf,
    /// The folder of the package lists that it was built from.
    pub lists: PathBuf,
    /// Date of the newest package list. No file in an image is newer, so that equal packages yield an equal
    /// image.
    pub epoch: Timestamp,
}

impl BaseSystem {
    /// Builds the base system of a Debian release in `folder` with mmdebstrap.
    pub fn build(folder: &Path, release: &str, mirror: Option<&str>) -> Result<Self> {
        let root = folder.join("base");
        let sources = match mirror {
            Some(mirror) => vec![format!("deb {mirror} {release} main")],
            None => apt_sources::list_apt_sources(release)?,
        };
        let mut command = Command::new("mmdebstrap");
        command.args(["--quiet", "--mode=root", "--variant=minbase", "--format=directory"]);
        // The package lists are needed for later layers, and are moved away below.
        command.arg("--skip=cleanup/apt");
        command.arg(format!("--hook-dir={MERGED_FOLDERS_HOOK}"));
        command.arg("--aptopt=Acquire::Languages \"none\"");
        command.args(apt_sources::read_apt_options()?.iter().map(|line| format!("--aptopt={line}")));
        command.args(EXCLUDED_PATHS.iter().map(|path| format!("--dpkgopt=path-exclude={path}")));
        command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
        // Durability is not needed: after a power failure, the build starts again.
        command.arg("--dpkgopt=force-unsafe-io");
        command.arg(format!("--include={}", BASE_PACKAGES.join(",")));
        command.arg(release).arg(&root).args(&sources);
        run_program(&mut command)?;

        let lists = folder.join("lists");
        let original = root.join("var/lib/apt/lists");
        fs::rename(&original, &lists).map_err(|cause| unusable_error(&original, cause))?;
        fs::create_dir(&original).map_err(|cause| unusable_error(&original, cause))?;
        let certificates = Path::new("/").join(CERTIFICATES_PATH);
        if certificates.exists() {
            // Some networks require a proxy with its own CA certificate.
            fs::copy(&certificates, root.join(CERTIFICATES_PATH))
                .map_err(|cause| unusable_error(&certificates, cause))?;
        }
        write_static_server(&root)?;
        let epoch = find_newest_release(&lists)?;
        let core_packages = PackageDatabase::read(&root)?.list_needed(CORE_PACKAGES.iter().copied());
        let files = PackageFiles::read(&[&root], &core_packages)?;
        let (core, rest) = FolderEntries::list(&root)?.split(|path| files.has_path(path));
        let (mut core_paths, rest_paths) = (core.into_paths(), rest.into_paths());
        // The top folder itself.
        core_paths.insert(PathBuf::new());
        Ok(Self { release: release.to_owned(), core_packages, core_paths, rest_paths, root, lists, epoch })
    }

    /// Packs the two layers, with their archives in `folder`.
    pub fn pack_layers(&self, folder: &Path) -> Result<[PackedLayer; 2]> {
        let status = StatusFile::write(&folder.join("core"), &self.root, &self.core_packages)?;
        let core = [LayerPart { folder: &self.root, paths: Some(&self.core_paths) }, status.as_layer_part()];
        let core_name = format!("core of Debian {}", self.release);
        let rest = [LayerPart { folder: &self.root, paths: Some(&self.rest_paths) }];
        let rest_name = format!("packages of Debian {}", self.release);
        Ok([
            pack_layer(core_name, &core, &folder.join("core.tar"), self.epoch)?,
            pack_layer(rest_name, &rest, &folder.join("rest.tar"), self.epoch)?,
        ])
    }

    /// Packs the layer of a slim image: the files of packages that are installed in `upper`, and of all that they
    /// need, as far as the core lacks them.
    pub fn pack_slim_layer(&self, packages: &[String], upper: &Path, archive: &Path) -> Result<PackedLayer> {
        let root = if upper.join(STATUS_PATH).exists() { upper } else { &self.root };
        let needed = PackageDatabase::read(root)?.list_needed(packages.iter().map(String::as_str));
        let files = PackageFiles::read(&[&self.root, upper], &needed)?;
        let (own, _) = FolderEntries::list(upper)?.split(|path| files.has_path(path));
        // Only what the packages contain: the core has all other files of the base system.
        let is_below = |path: &Path| {
            files.has_packaged_path(path) && !self.core_paths.contains(path) && !own.files.contains(path)
        };
        let (below, _) = FolderEntries::list(&self.root)?.split(is_below);
        let all = needed.union(&self.core_packages).cloned().collect();
        let status = StatusFile::write(&archive.with_extension("status"), root, &all)?;
        let (below, own) = (below.into_paths(), own.into_paths());
        let parts = [
            LayerPart { folder: &self.root, paths: Some(&below) },
            LayerPart { folder: upper, paths: Some(&own) },
            status.as_layer_part(),
        ];
        pack_layer(packages.join(" "), &parts, archive, self.epoch)
    }
}

/// The status file of an image with few of the packages, in a folder of its own.
struct StatusFile {
    folder: PathBuf,
    paths: BTreeSet<PathBuf>,
}

impl StatusFile {
    /// Writes the file into `folder`. `root` has the entries of the packages.
    fn write(folder: &Path, root: &Path, packages: &BTreeSet<String>) -> Result<Self> {
        let path = folder.join(STATUS_PATH);
        let parent = Path::new(STATUS_PATH).parent().map(Path::to_owned);
        super::create_public_folder(path.parent().unwrap_or(folder))?;
        fs::write(&path, PackageDatabase::read(root)?.render_status(packages))
            .map_err(|cause| unusable_error(&path, cause))?;
        let paths = parent.into_iter().chain([PathBuf::from(STATUS_PATH)]).collect();
        Ok(Self { folder: folder.to_owned(), paths })
    }

    fn as_layer_part(&self) -> LayerPart<'_> {
        LayerPart { folder: &self.folder, paths: Some(&self.paths) }
    }
}

fn write_static_server(root: &Path) -> Result<()> {
    let path = root.join(STATIC_SERVER_PATH);
    fs::write(&path, STATIC_SERVER)
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .map_err(|cause| unusable_error(&path, cause))
}

/// Finds the date of the newest release file.
fn find_newest_release(lists: &Path) -> Result<Timestamp> {
    let mut newest = Timestamp::UNIX_EPOCH;
    for entry in fs::read_dir(lists).map_err(|cause| unusable_error(lists, cause))? {
        let path = entry.map_err(|cause| unusable_error(lists, cause))?.path();
        if path.to_string_lossy().ends_with("Release") {
            let text = fs::read(&path).map_err(|cause| unusable_error(&path, cause))?;
            newest = newest.max(parse_release_date(&String::from_utf8_lossy(&text)).unwrap_or(newest));
        }
    }
    if newest == Timestamp::UNIX_EPOCH {
        return Err(Error::internal("package lists have no date"));
    }
    Ok(newest)
}

/// Parses the date in a release file (Debian's repository format, "Date").
fn parse_release_date(release: &str) -> Option<Timestamp> {
    let date = release.lines().find_map(|line| line.strip_prefix("Date:"))?.trim();
    let date = date.strip_suffix("UTC").map_or_else(|| date.to_owned(), |date| format!("{date}+0000"));
    rfc2822::DateTimeParser::new().parse_timestamp(&date).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_release_is_read() {
        let release =
            "Origin: Debian\nDate: Sat, 06 Sep 2025 10:01:31 UTC\nNo-Support-for-Architecture-all: x\n";
        assert_eq!(
            parse_release_date(release).map(|date| date.to_string()).as_deref(),
            Some("2025-09-06T10:01:31Z")
        );
        assert_eq!(parse_release_date("Date: soon"), None);
    }
}
