//! Crates of a Rust program.

use std::io::Read;

use flate2::read::ZlibDecoder;
use serde::Deserialize;

use crate::{Package, PackageKind};

/// Largest list of crates in a program, in bytes.
const MAX_LIST_BYTES: u64 = 8 << 20;

/// Reads `Cargo.lock`: the crates that come from a registry or repository. Cargo writes one field a line.
pub fn read_cargo_lock(content: &[u8], location: &str) -> Vec<Package> {
    let text = String::from_utf8_lossy(content);
    let read_table = |table: &str| {
        let find = |name: &str| {
            let value = |line: &str| {
                Some(line.strip_prefix(name)?.strip_prefix(" = \"")?.split('"').next()?.to_owned())
            };
            table.lines().find_map(value)
        };
        find("source")?;
        Some(Package::new(PackageKind::Cargo, &find("name")?, &find("version")?, location))
    };
    text.split("[[package]]").skip(1).filter_map(read_table).collect()
}

#[derive(Deserialize)]
struct AuditedCrates {
    packages: Vec<AuditedCrate>,
}

#[derive(Deserialize)]
struct AuditedCrate {
    name: String,
    version: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    kind: String,
}

/// Reads the crates that `cargo auditable` writes into the section `.dep-v0` of a program: JSON, compressed by zlib.
pub fn read_audited_crates(section: &[u8], location: &str) -> Vec<Package> {
    let decoder = ZlibDecoder::new(section).take(MAX_LIST_BYTES);
    let Ok(AuditedCrates { packages }) = serde_json::from_reader(decoder) else { return Vec::new() };
    let is_foreign = |package: &AuditedCrate| package.source != "local" && package.kind != "build";
    let read =
        |package: AuditedCrate| Package::new(PackageKind::Cargo, &package.name, &package.version, location);
    packages.into_iter().filter(is_foreign).map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    #[test]
    fn crates_in_a_program_are_read_without_those_of_its_build() {
        let text = "{\"packages\":[{\"name\":\"own\",\"version\":\"0.1.0\",\"source\":\"local\",\"root\":true},\
                    {\"name\":\"serde\",\"version\":\"1.0.0\",\"source\":\"registry\"},\
                    {\"name\":\"cc\",\"version\":\"1.0.0\",\"source\":\"registry\",\"kind\":\"build\"}]}";
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        let packages = read_audited_crates(&encoder.finish().unwrap(), "x");
        assert_eq!(packages.len(), 1);
        assert_eq!(packages[0].name, "serde");
        assert!(read_audited_crates(b"nonsense", "x").is_empty());
    }
}
