//! Modules of a Go program: the build information that `go version -m` prints (package `debug/buildinfo`).

use crate::{Package, PackageKind};

const BUILD_INFO_MAGIC: &[u8] = b"\xff Go buildinf:";
/// Length of the header. The texts follow it, each after its length.
const HEADER_BYTES: usize = 32;
/// Position of the flags in the header.
const FLAGS_POSITION: usize = 15;
/// Flag of build information whose texts follow the header; so do all programs since Go 1.18.
const INLINE_FLAG: u8 = 2;
/// Length of the marks around the list of modules.
const MARK_BYTES: usize = 16;

/// Reads the section `.go.buildinfo` of a program: the standard library and the modules.
pub fn read_go_build_info(section: &[u8], location: &str) -> Vec<Package> {
    let Some((version, modules)) = split_build_info(section) else { return Vec::new() };
    let mut packages = Vec::new();
    if let Some(version) = version.split_whitespace().next().and_then(|version| version.strip_prefix("go")) {
        packages.push(Package::new(PackageKind::Golang, "stdlib", version, location));
    }
    for line in modules.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let module = match fields.as_slice() {
            ["dep", path, version, ..] => Some((*path, *version)),
            // Replaces the module of the line before.
            ["=>", path, version, ..] => {
                packages.pop();
                Some((*path, *version))
            }
            _ => None,
        };
        packages.extend(module.map(|(path, version)| {
            Package::new(PackageKind::Golang, path, version, location).with_split_name()
        }));
    }
    packages
}

/// Splits build information into the version of Go and the lines about modules.
fn split_build_info(section: &[u8]) -> Option<(String, String)> {
    if !section.starts_with(BUILD_INFO_MAGIC) || section.get(FLAGS_POSITION)? & INLINE_FLAG == 0 {
        return None;
    }
    let (version, rest) = split_text(section.get(HEADER_BYTES..)?)?;
    let (modules, _) = split_text(rest)?;
    let modules = modules.get(MARK_BYTES..modules.len().checked_sub(MARK_BYTES)?).unwrap_or_default();
    Some((String::from_utf8_lossy(version).into_owned(), String::from_utf8_lossy(modules).into_owned()))
}

/// Splits a text off that follows its length (`encoding/binary`, `Uvarint`).
fn split_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (place, byte) in bytes.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return bytes.get(place + 1..)?.split_at_checked(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_info(modules: &str) -> Vec<u8> {
        let mut section = BUILD_INFO_MAGIC.to_vec();
        section.extend([8, INLINE_FLAG]);
        section.resize(HEADER_BYTES, 0);
        let marked = [&[1; MARK_BYTES], modules.as_bytes(), &[2; MARK_BYTES]].concat();
        for text in [b"go1.24.4".as_slice(), &marked] {
            let (low, high) = (text.len() & 0x7f, text.len() >> 7);
            section.extend([u8::try_from(low | 0x80).unwrap(), u8::try_from(high).unwrap()]);
            section.extend(text);
        }
        section
    }

    #[test]
    fn modules_and_their_replacements_are_read() {
        let lines = "path\texample.org/own\nmod\texample.org/own\t(devel)\t\ndep\tgithub.com/a/b\tv1.2.3\th1:x=\n\
                     dep\tgithub.com/c/d\tv1.0.0\n=>\tgithub.com/e/f\tv2.0.0\th1:y=\nbuild\t-compiler=gc\n";
        let packages = read_go_build_info(&build_info(lines), "x");
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["stdlib", "b", "f"]);
        assert_eq!(packages[0].version, "1.24.4");
    }

    #[test]
    fn truncated_build_information_is_no_package() {
        let section = build_info("dep\ta/b\tv1\n");
        for length in 0..section.len() {
            assert!(read_go_build_info(&section[..length], "x").is_empty(), "{length}");
        }
    }
}
