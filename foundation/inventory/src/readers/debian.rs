//! Packages of distributions: the databases of dpkg and apk.

use super::find_header;
use crate::{Distribution, Package, PackageKind};

/// Reads the status file of dpkg (`deb-control(5)`): the installed packages. A file of `status.d` has no status.
pub fn read_debian_status(content: &[u8], location: &str) -> Vec<Package> {
    let text = String::from_utf8_lossy(content);
    let read_stanza = |stanza: &str| {
        let (name, version) = (find_header(stanza, "Package")?, find_header(stanza, "Version")?);
        let is_installed = |status: &str| status.ends_with(" installed");
        if !find_header(stanza, "Status").is_none_or(is_installed) {
            return None;
        }
        let mut package = Package::new(PackageKind::Deb, name, version, location);
        package.architecture = find_header(stanza, "Architecture").map(str::to_owned);
        Some(package)
    };
    text.split("\n\n").filter_map(read_stanza).collect()
}

/// Reads the database of apk: the installed packages.
pub fn read_alpine_database(content: &[u8], location: &str) -> Vec<Package> {
    let text = String::from_utf8_lossy(content);
    let read_stanza = |stanza: &str| {
        let (name, version) = (find_header(stanza, "P")?, find_header(stanza, "V")?);
        let mut package = Package::new(PackageKind::Apk, name, version, location);
        package.architecture = find_header(stanza, "A").map(str::to_owned);
        Some(package.with_license(find_header(stanza, "L")))
    };
    text.split("\n\n").filter_map(read_stanza).collect()
}

/// Reads `os-release` (`os-release(5)`).
pub fn read_distribution(content: &[u8]) -> Option<Distribution> {
    let text = String::from_utf8_lossy(content);
    let find = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    };
    let version = find("VERSION_ID").or_else(|| find("VERSION_CODENAME"));
    Some(Distribution { id: find("ID")?, version }).filter(Distribution::is_valid)
}
