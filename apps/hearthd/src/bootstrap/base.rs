//! The root file system that all images share.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{Error, Result};
use jiff::{Timestamp, fmt::rfc2822};

use super::{
    recipe::{BASE, RELEASE, WITHOUT},
    run::output,
    sources, unusable,
};

/// The certificates by which this machine knows servers.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// The root file system that all images share.
pub struct Base {
    /// Where it is.
    pub root: PathBuf,
    /// The lists of packages that it was made from.
    pub lists: PathBuf,
    /// When the newest of those was made: nothing in an image is younger, so that the same packages make the same
    /// image.
    pub epoch: Timestamp,
}

impl Base {
    /// Makes it in `folder`.
    pub fn make(folder: &Path, mirror: Option<&str>) -> Result<Self> {
        let root = folder.join("base");
        let sources = match mirror {
            Some(mirror) => vec![format!("deb {mirror} {RELEASE} main")],
            None => sources::sources()?,
        };
        let mut command = Command::new("mmdebstrap");
        command.args(["--quiet", "--mode=root", "--variant=minbase", "--format=directory"]);
        // What later layers need of it is taken away below.
        command.arg("--skip=cleanup/apt");
        command.arg("--aptopt=Acquire::Languages \"none\"");
        command.args(sources::way()?.iter().map(|line| format!("--aptopt={line}")));
        command.args(WITHOUT.iter().map(|path| format!("--dpkgopt=path-exclude={path}")));
        command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
        // A machine that loses its power begins anew.
        command.arg("--dpkgopt=force-unsafe-io");
        command.arg(format!("--include={}", BASE.join(",")));
        command.arg(RELEASE).arg(&root).args(&sources);
        output(&mut command)?;

        let lists = folder.join("lists");
        let kept = root.join("var/lib/apt/lists");
        fs::rename(&kept, &lists).map_err(|cause| unusable(&kept, cause))?;
        fs::create_dir(&kept).map_err(|cause| unusable(&kept, cause))?;
        let certificates = Path::new("/").join(CERTIFICATES);
        if certificates.exists() {
            // Some networks are left only through a proxy that has its own.
            fs::copy(&certificates, root.join(CERTIFICATES))
                .map_err(|cause| unusable(&certificates, cause))?;
        }
        let epoch = newest(&lists)?;
        Ok(Self { root, lists, epoch })
    }
}

/// When the newest of these lists was made.
fn newest(lists: &Path) -> Result<Timestamp> {
    let mut newest = Timestamp::UNIX_EPOCH;
    for entry in fs::read_dir(lists).map_err(|cause| unusable(lists, cause))? {
        let path = entry.map_err(|cause| unusable(lists, cause))?.path();
        if path.to_string_lossy().ends_with("Release") {
            let text = fs::read(&path).map_err(|cause| unusable(&path, cause))?;
            newest = newest.max(date(&String::from_utf8_lossy(&text)).unwrap_or(newest));
        }
    }
    if newest == Timestamp::UNIX_EPOCH {
        return Err(Error::internal("package lists without a date"));
    }
    Ok(newest)
}

/// The date in a release file (Debian's repository format, "Date").
fn date(release: &str) -> Option<Timestamp> {
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
        assert_eq!(date(release).map(|date| date.to_string()).as_deref(), Some("2025-09-06T10:01:31Z"));
        assert_eq!(date("Date: soon"), None);
    }
}
