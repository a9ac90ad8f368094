//! Sections of a program (ELF, 64 bits, little endian), in which Go and `cargo auditable` describe what is linked.

use std::{fs::File, os::unix::fs::FileExt};

use super::{read_audited_crates, read_go_build_info};
use crate::Package;

const ELF_MAGIC: &[u8] = b"\x7fELF\x02\x01";
const HEADER_BYTES: usize = 64;
const SECTION_HEADER_BYTES: usize = 64;
/// Most sections of a program that is read.
const MAX_SECTIONS: u16 = 512;
/// Longest table of section names, in bytes.
const MAX_NAMES_BYTES: u64 = 64 << 10;
/// Largest section that is read, in bytes.
const MAX_SECTION_BYTES: u64 = 4 << 20;

/// Reads what a program says about its modules or crates.
pub fn read_program(file: &File, location: &str) -> Vec<Package> {
    let read = |at: u64, length: u64| {
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        file.read_exact_at(&mut bytes, at).ok().map(|()| bytes)
    };
    if let Some(section) = find_section(&read, ".go.buildinfo") {
        return read_go_build_info(&section, location);
    }
    find_section(&read, ".dep-v0").map_or_else(Vec::new, |section| read_audited_crates(&section, location))
}

/// Finds the content of a section. `read` reads bytes at a position.
pub fn find_section(read: &dyn Fn(u64, u64) -> Option<Vec<u8>>, name: &str) -> Option<Vec<u8>> {
    let header = read(0, HEADER_BYTES as u64).filter(|header| header.starts_with(ELF_MAGIC))?;
    let (table, entry_size) = (read_u64(&header, 40)?, read_u16(&header, 58)?);
    let (count, names_place) = (read_u16(&header, 60)?, read_u16(&header, 62)?);
    if usize::from(entry_size) != SECTION_HEADER_BYTES || count > MAX_SECTIONS {
        return None;
    }
    let table = read(table, u64::from(count) * SECTION_HEADER_BYTES as u64)?;
    let sections: Vec<&[u8]> = table.chunks_exact(SECTION_HEADER_BYTES).collect();
    let names = read_section(read, sections.get(usize::from(names_place))?, MAX_NAMES_BYTES)?;
    let found = sections.iter().find(|section| {
        let place = read_u32(section, 0).and_then(|place| usize::try_from(place).ok());
        let rest = place.and_then(|place| names.get(place..));
        rest.is_some_and(|rest| rest.strip_prefix(name.as_bytes()).is_some_and(|end| end.first() == Some(&0)))
    });
    read_section(read, found?, MAX_SECTION_BYTES)
}

fn read_section(
    read: &dyn Fn(u64, u64) -> Option<Vec<u8>>,
    section: &[u8],
    max_bytes: u64,
) -> Option<Vec<u8>> {
    let (position, size) = (read_u64(section, 24)?, read_u64(section, 32)?);
    (size <= max_bytes).then(|| read(position, size)).flatten()
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}
