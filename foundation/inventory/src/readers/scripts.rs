//! Packages of scripting languages: Python, Node.js, PHP, Ruby.

use serde::Deserialize;

use super::find_header;
use crate::{Package, PackageKind};

/// Reads the metadata of a Python package (core metadata specification): the headers before the first empty line.
pub fn read_python_metadata(content: &[u8], location: &str) -> Vec<Package> {
    let text = String::from_utf8_lossy(content);
    let headers = text.split("\n\n").next().unwrap_or_default();
    let (Some(name), Some(version)) = (find_header(headers, "Name"), find_header(headers, "Version")) else {
        return Vec::new();
    };
    let license = find_header(headers, "License-Expression").or_else(|| find_header(headers, "License"));
    vec![Package::new(PackageKind::Pypi, name, version, location).with_license(license)]
}

#[derive(Deserialize)]
struct NodePackage {
    name: String,
    version: String,
    #[serde(default)]
    license: serde_json::Value,
}

/// Reads the `package.json` of an installed package.
pub fn read_node_package(content: &[u8], location: &str) -> Vec<Package> {
    let Ok(NodePackage { name, version, license }) = serde_json::from_slice(content) else {
        return Vec::new();
    };
    let package = Package::new(PackageKind::Npm, &name, &version, location).with_split_name();
    vec![package.with_license(license.as_str())]
}

#[derive(Deserialize)]
struct ComposerPackage {
    name: String,
    version: String,
    #[serde(default)]
    license: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ComposerPackages {
    Current { packages: Vec<ComposerPackage> },
    Former(Vec<ComposerPackage>),
}

/// Reads composer's list of installed packages.
pub fn read_composer_packages(content: &[u8], location: &str) -> Vec<Package> {
    let packages = match serde_json::from_slice(content) {
        Ok(ComposerPackages::Current { packages } | ComposerPackages::Former(packages)) => packages,
        Err(_) => return Vec::new(),
    };
    let read = |package: ComposerPackage| {
        let ComposerPackage { name, version, license } = package;
        let license = license.as_str().or_else(|| license.get(0)?.as_str());
        Package::new(PackageKind::Composer, &name, &version, location).with_split_name().with_license(license)
    };
    packages.into_iter().map(read).collect()
}

/// Reads the specification of an installed gem, by the line that RubyGems writes for its own fast reading: `# stub: NAME
/// VERSION PLATFORM PATHS`.
pub fn read_gem_stub(content: &[u8], location: &str) -> Vec<Package> {
    let head = String::from_utf8_lossy(&content[..content.len().min(4096)]).into_owned();
    let stub = head.lines().take(5).find_map(|line| line.strip_prefix("# stub: "));
    let mut words = stub.unwrap_or_default().split_whitespace();
    let (Some(name), Some(version)) = (words.next(), words.next()) else { return Vec::new() };
    let mut package = Package::new(PackageKind::Gem, name, version, location);
    package.architecture = words.next().filter(|platform| *platform != "ruby").map(str::to_owned);
    vec![package]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_description_of_a_python_package_is_not_read_as_headers() {
        let text =
            "Metadata-Version: 2.4\nName: real\nVersion: 1.0\nLicense-Expression: MIT\n\nName: other\n";
        let packages = read_python_metadata(text.as_bytes(), "x");
        assert_eq!((packages[0].name.as_str(), packages[0].license.as_deref()), ("real", Some("MIT")));
        assert!(read_python_metadata(b"\n\nName: a\nVersion: 1", "x").is_empty());
    }

    #[test]
    fn both_forms_of_the_list_of_composer_are_read() {
        let package = "{\"name\":\"monolog/monolog\",\"version\":\"3.5.0\",\"license\":[\"MIT\"]}";
        for text in [format!("[{package}]"), format!("{{\"packages\":[{package}],\"dev\":false}}")] {
            let packages = read_composer_packages(text.as_bytes(), "x");
            assert_eq!(packages[0].namespace.as_deref(), Some("monolog"));
            assert_eq!(packages[0].license.as_deref(), Some("MIT"));
        }
    }

    #[test]
    fn platform_of_a_gem_is_its_architecture() {
        let text = "# -*- encoding: utf-8 -*-\n# stub: nokogiri 1.16.0 x86_64-linux lib\n";
        assert_eq!(read_gem_stub(text.as_bytes(), "x")[0].architecture.as_deref(), Some("x86_64-linux"));
        assert!(read_gem_stub(b"Gem::Specification.new", "x").is_empty());
    }
}
