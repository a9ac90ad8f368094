//! Readers of the files in which package managers name packages. Their input is untrusted: each returns what it
//! understands, and nothing for the rest.

mod cargo;
mod debian;
mod go;
mod java;
mod program;
mod scripts;

use crate::Package;

pub use cargo::{read_audited_crates, read_cargo_lock};
pub use debian::{read_alpine_database, read_debian_status, read_distribution};
pub use go::read_go_build_info;
pub use java::read_jar;
pub use program::{find_section, read_program};
pub use scripts::{read_composer_packages, read_gem_stub, read_node_package, read_python_metadata};

/// Largest Java archive that is read, in bytes.
const MAX_ARCHIVE_BYTES: u64 = 256 << 20;

/// Reader of a file's content; the second argument is the file's location.
type ContentReader = fn(&[u8], &str) -> Vec<Package>;

/// How a file is read.
pub enum FileReader {
    /// Names the distribution.
    Distribution,
    /// Its content names packages.
    Content {
        /// Largest file that is read, in bytes.
        max_bytes: u64,
        /// Reads it.
        read: ContentReader,
    },
}

/// Chooses the reader of a file by its location; `None` for files that name no packages.
pub fn choose_reader(location: &str) -> Option<FileReader> {
    let content = |max_bytes, read| Some(FileReader::Content { max_bytes, read });
    let (folder, name) = location.rsplit_once('/').unwrap_or(("", location));
    match (folder, name) {
        ("usr/lib" | "etc", "os-release") => Some(FileReader::Distribution),
        ("var/lib/dpkg", "status") => content(64 << 20, read_debian_status),
        ("var/lib/dpkg/status.d", name) if !name.ends_with(".md5sums") => {
            content(1 << 20, read_debian_status)
        }
        ("lib/apk/db" | "usr/lib/apk/db", "installed") => content(64 << 20, read_alpine_database),
        (folder, "METADATA") if folder.ends_with(".dist-info") => content(4 << 20, read_python_metadata),
        (folder, "PKG-INFO") if folder.ends_with(".egg-info") => content(4 << 20, read_python_metadata),
        (_, name) if name.ends_with(".egg-info") => content(4 << 20, read_python_metadata),
        (folder, "package.json") if is_node_package(folder) => content(1 << 20, read_node_package),
        (folder, "installed.json") if folder.ends_with("vendor/composer") => {
            content(32 << 20, read_composer_packages)
        }
        (folder, name) if name.ends_with(".gemspec") && folder.ends_with("specifications") => {
            content(1 << 20, read_gem_stub)
        }
        (folder, name) if name.ends_with(".gemspec") && folder.ends_with("specifications/default") => {
            content(1 << 20, read_gem_stub)
        }
        (_, name) if [".jar", ".war", ".ear"].iter().any(|end| name.ends_with(end)) => {
            content(MAX_ARCHIVE_BYTES, read_jar)
        }
        _ => None,
    }
}

/// True for a folder `node_modules/NAME` or `node_modules/@SCOPE/NAME`.
fn is_node_package(folder: &str) -> bool {
    let mut parts = folder.rsplit('/');
    let _name = parts.next();
    match parts.next() {
        Some("node_modules") => true,
        Some(scope) => scope.starts_with('@') && parts.next() == Some("node_modules"),
        None => false,
    }
}

/// Finds the value of a header such as `Name: value` among the lines of a stanza.
fn find_header<'a>(stanza: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':').map(str::trim);
    stanza.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_package_managers_have_a_reader() {
        for location in [
            "app/package.json",
            "app/node_modules/a/b/package.json",
            "home/var/lib/dpkg/status",
            "app/METADATA",
            "app/rack.gemspec",
            "installed.json",
        ] {
            assert!(choose_reader(location).is_none(), "{location}");
        }
        for location in [
            "app/node_modules/a/package.json",
            "usr/lib/node_modules/npm/node_modules/@b/a/package.json",
            "var/lib/dpkg/status.d/libc6",
            "app/target/app.jar",
        ] {
            assert!(choose_reader(location).is_some(), "{location}");
        }
    }
}
