//! SBOMs are accepted by programs that are not Hearth's.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::{fs, path::Path, process::Command};

use hearth_inventory::{Distribution, ImageIdentity, InventoryReport, Package, PackageKind, render_bom};

/// Validates an SBOM against the schema of CycloneDX 1.6, and parses all purls: FILE.
const VALIDATION_SCRIPT: &str = include_str!("validate_sbom.py");
/// Library of the CycloneDX project, which contains the schema.
const VALIDATOR_PACKAGE: &str = "cyclonedx-python-lib[json-validation]==11.12.0";

/// Packages of each kind, with the characters that each may have.
fn list_sample_packages() -> Vec<Package> {
    let package =
        |kind, name: &str, version: &str| Package::new(kind, name, version, "a/b").with_split_name();
    let mut libc = package(PackageKind::Deb, "libstdc++6", "2:14.2.0-19+b1~x");
    libc.architecture = Some("amd64".to_owned());
    let mut gem = package(PackageKind::Gem, "nokogiri", "1.16.0");
    gem.architecture = Some("x86_64-linux".to_owned());
    vec![
        libc,
        gem,
        package(PackageKind::Apk, "musl", "1.2.5-r0"),
        package(PackageKind::Cargo, "serde", "1.0.0+build.1"),
        package(PackageKind::Composer, "monolog/monolog", "3.5.0"),
        package(PackageKind::Golang, "github.com/BurntSushi/toml", "v1.2.3+incompatible"),
        package(PackageKind::Maven, "org.slf4j/slf4j-api", "2.0.9"),
        package(PackageKind::Npm, "@vue/core", "3.4.0").with_license(Some("MIT OR \"odd\"")),
        package(PackageKind::Pypi, "Typing_Extensions", "4.12.2").with_license(Some("PSF-2.0")),
    ]
}

/// Installs the validator once for each target folder. Returns the folder of its modules.
fn install_validator(folder: &Path) {
    if folder.join("cyclonedx").exists() {
        return;
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(folder);
    let output = pip.arg(VALIDATOR_PACKAGE).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn sbom_is_accepted_by_the_validator_of_cyclonedx() {
    let image = ImageIdentity {
        name: "hearth.example:8080/tool-hello/web",
        digest: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
        hearth_version: "0.2.0",
    };
    let modules = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cyclonedx");
    install_validator(&modules);
    let folder = tempfile::tempdir().unwrap();
    for is_complete in [true, false] {
        let report = InventoryReport {
            packages: list_sample_packages(),
            distribution: Some(Distribution { id: "debian".to_owned(), version: Some("13".to_owned()) }),
            is_complete,
            has_ended: true,
        };
        let file = folder.path().join("sbom.json");
        fs::write(&file, render_bom(image, &report, 1 << 20).0).unwrap();
        let mut python = Command::new("python3");
        python.args(["-c", VALIDATION_SCRIPT]).arg(&file).env("PYTHONPATH", &modules);
        let output = python.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "9 packages");
    }
}
