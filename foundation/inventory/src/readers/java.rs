//! Libraries in Java archives: the properties that Maven writes into a jar, also in jars within a jar.

use std::io::Read;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

use crate::{Package, PackageKind};

/// Most entries of an archive that is read.
const MAX_ARCHIVE_ENTRIES: usize = 100_000;
/// Largest file of properties, in bytes.
const MAX_PROPERTIES_BYTES: u64 = 64 << 10;
/// Largest jar within a jar, in bytes.
const MAX_NESTED_BYTES: u64 = 64 << 20;
/// Bytes of all jars within a jar.
const MAX_NESTED_TOTAL_BYTES: u64 = 512 << 20;

/// Reads the libraries of a jar, and of the jars in it.
pub fn read_jar(content: &[u8], location: &str) -> Vec<Package> {
    let mut nested_bytes = MAX_NESTED_TOTAL_BYTES;
    read_archive(content, location, Some(&mut nested_bytes))
}

/// Reads the libraries of an archive, and of the jars in it, as long as bytes are left for them.
fn read_archive(content: &[u8], location: &str, mut nested_bytes: Option<&mut u64>) -> Vec<Package> {
    let Ok(archive) = ZipArchive::from_slice(content) else { return Vec::new() };
    let mut packages = Vec::new();
    for entry in archive.entries().take(MAX_ARCHIVE_ENTRIES) {
        let Ok(entry) = entry else { break };
        let Ok(path) = entry.file_path().try_normalize() else { continue };
        let name: &str = path.as_ref();
        if name.starts_with("META-INF/maven/") && name.ends_with("/pom.properties") {
            let content = read_entry(&archive, &entry, MAX_PROPERTIES_BYTES);
            packages.extend(content.and_then(|content| read_properties(&content, location)));
        } else if let Some(left) =
            nested_bytes.as_deref_mut().filter(|left| **left > 0 && name.ends_with(".jar"))
        {
            let Some(content) = read_entry(&archive, &entry, MAX_NESTED_BYTES.min(*left)) else { continue };
            *left -= content.len() as u64;
            packages.extend(read_archive(&content, &format!("{location}!/{name}"), None));
        }
    }
    packages
}

/// Reads an entry; `None` for one that is larger.
fn read_entry(
    archive: &ZipSliceArchive<&[u8]>,
    entry: &ZipFileHeaderRecord<'_>,
    max_bytes: u64,
) -> Option<Vec<u8>> {
    let data = archive.get_entry(entry.wayfinder()).ok()?.data();
    let mut content = Vec::new();
    match entry.compression_method() {
        CompressionMethod::STORE => data.take(max_bytes + 1).read_to_end(&mut content),
        CompressionMethod::DEFLATE => DeflateDecoder::new(data).take(max_bytes + 1).read_to_end(&mut content),
        _ => return None,
    }
    .ok()?;
    (content.len() as u64 <= max_bytes).then_some(content)
}

/// Reads `pom.properties`.
fn read_properties(content: &[u8], location: &str) -> Option<Package> {
    let text = String::from_utf8_lossy(content);
    let find =
        |name: &str| text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.trim()));
    let mut package = Package::new(PackageKind::Maven, find("artifactId")?, find("version")?, location);
    package.namespace = Some(find("groupId")?.to_owned());
    Some(package)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::{Compression, write::DeflateEncoder};
    use rawzip::ZipArchiveWriter;

    use super::*;

    fn build_archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = ZipArchiveWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            let file = archive.new_file(name).compression_method(CompressionMethod::DEFLATE);
            let (mut entry, config) = file.start().unwrap();
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
            writer.write_all(content).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn libraries_of_a_jar_and_of_the_jars_in_it_are_read() {
        let properties = |name: &str| format!("#Created\nartifactId={name}\ngroupId=org.x\nversion=1.2\n");
        let inner =
            build_archive(&[("META-INF/maven/org.x/inner/pom.properties", properties("inner").as_bytes())]);
        let outer = build_archive(&[
            ("META-INF/maven/org.x/outer/pom.properties", properties("outer").as_bytes()),
            ("BOOT-INF/lib/inner-1.2.jar", &inner),
            ("other.properties", b"x"),
        ]);
        let mut packages = read_jar(&outer, "app/app.jar");
        packages.sort();
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["inner", "outer"]);
        assert_eq!(packages[0].location, "app/app.jar!/BOOT-INF/lib/inner-1.2.jar");
        assert!(read_jar(b"nonsense", "x").is_empty());
    }

    #[test]
    fn truncated_jar_is_no_library() {
        let archive =
            build_archive(&[("META-INF/maven/a/b/pom.properties", b"artifactId=b\ngroupId=a\nversion=1\n")]);
        for length in 0..archive.len() {
            assert!(read_jar(&archive[..length], "x").is_empty(), "{length}");
        }
    }
}
