//! The base system: the root file system that all images of a Debian release share.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{Error, Result};
use jiff::{Timestamp, fmt::rfc2822};

use super::{
    apt_sources,
    program::run_program,
    recipe::{BASE_PACKAGES, EXCLUDED_PATHS},
    unusable_error,
};

/// The machine's bundle of trusted CA certificates.
const CERTIFICATES_PATH: &str = "etc/ssl/certs/ca-certificates.crt";

/// The root file system that all images of a Debian release share.
pub struct BaseSystem {
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
        let epoch = find_newest_release(&lists)?;
        Ok(Self { root, lists, epoch })
    }
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
