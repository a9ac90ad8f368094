//! Reads a layer's archive (POSIX.1-2017 `pax`, with GNU long names) and writes what it holds under `/`.
//!
//! White-outs (OCI image specification, `layer.md`, "Whiteouts") take overlayfs' form: a character device 0:0
//! for a removed name, the attribute `user.overlay.opaque` for a folder that hides what is below it.

use std::io::{self, Read};

use crate::settings::LayerCaps;

use super::entry::{self, Folder, Kind};

/// The longest name, in bytes.
const LONGEST: usize = 4096;
/// The deepest folder.
const DEEPEST: usize = 256;

/// Unpacks all entries; any trouble with any of them is the end.
pub fn unpack(archive: impl Read, caps: &LayerCaps) -> io::Result<u64> {
    let mut folders = Vec::new();
    let count = read_entries(archive, caps, |entry, path, kind| match path.split_last() {
        None => {
            folders.push(Folder::of(Vec::new(), entry.header())?);
            Ok(())
        }
        Some((name, parents)) => write(entry, parents, name, kind, &mut folders),
    })?;
    // Writing into a folder changes its time, so folders get theirs last, the deepest first.
    folders.iter().rev().try_for_each(Folder::finish)?;
    Ok(count)
}

/// Reads all entries and hands each to `visit` with its checked path; an empty path is the layer's root and always a
/// folder. Returns the number of entries.
pub fn read_entries<R: Read>(
    archive: R,
    caps: &LayerCaps,
    mut visit: impl FnMut(&mut tar::Entry<'_, R>, &[Vec<u8>], &Kind) -> io::Result<()>,
) -> io::Result<u64> {
    let mut archive = tar::Archive::new(archive);
    archive.set_ignore_zeros(false);
    let (mut count, mut bytes) = (0, 0u64);
    for entry in archive.entries()? {
        let mut entry = entry?;
        count += 1;
        if count > caps.entries {
            return Err(io::Error::other(format!("it has more than {} entries", caps.entries)));
        }
        // What is written, not what lies in the archive: a sparse file's holes count too.
        bytes = bytes.saturating_add(written_size(&entry));
        if bytes > caps.bytes {
            return Err(io::Error::other(format!("it unpacks to more than {} bytes", caps.bytes)));
        }
        let path = parts(&entry.path_bytes())?;
        let kind = match entry.header().entry_type() {
            tar::EntryType::Directory => Kind::Folder,
            _ if path.is_empty() => continue,
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => Kind::File,
            tar::EntryType::Symlink => Kind::Symlink(target(&entry)?),
            tar::EntryType::Link => Kind::Link(parts(&target(&entry)?)?),
            // Containers have their own devices; an image that brings some is none the worse without them.
            tar::EntryType::Char | tar::EntryType::Block => continue,
            tar::EntryType::Fifo => Kind::Fifo,
            tar::EntryType::XGlobalHeader => continue,
            other => {
                return Err(io::Error::other(format!("{} is of an unknown kind {other:?}", shown(&path))));
            }
        };
        let visited = visit(&mut entry, &path, &kind);
        visited.map_err(|error| io::Error::other(format!("{}: {error}", shown(&path))))?;
    }
    Ok(count)
}

/// The most bytes that an entry's content has on the disk: of a sparse file its whole length, of any other what its
/// header or a pax record says, whichever is more.
fn written_size<R: Read>(entry: &tar::Entry<'_, R>) -> u64 {
    let said = entry.header().size().unwrap_or(u64::MAX);
    match entry.header().entry_type().is_dir() {
        true => 0,
        false => said.max(entry.size()),
    }
}

fn write<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    parents: &[Vec<u8>],
    name: &[u8],
    kind: &Kind,
    folders: &mut Vec<Folder>,
) -> io::Result<()> {
    let parent = entry::open_folder(parents, true)?;
    if let Some(hidden) = name.strip_prefix(b".wh.") {
        return match hidden {
            b".wh..opq" => entry::make_opaque(&parent),
            b"" | b"." | b".." => Err(io::Error::other("a white-out without a name")),
            hidden if hidden.starts_with(b".wh.") => Ok(()),
            hidden => entry::white_out(&parent, hidden),
        };
    }
    let header = entry.header().clone();
    if let Kind::Folder = kind {
        entry::make_folder(&parent, name)?;
        let path = parents.iter().cloned().chain([name.to_vec()]).collect();
        folders.push(Folder::of(path, &header)?);
        return Ok(());
    }
    entry::make(&parent, name, kind, &header, entry)
}

fn target<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<Vec<u8>> {
    let target = entry.link_name_bytes().ok_or_else(|| io::Error::other("a link to nowhere"))?;
    if target.is_empty() || target.len() > LONGEST || target.contains(&0) {
        return Err(io::Error::other("a link's target is no path"));
    }
    Ok(target.into_owned())
}

/// The parts of a name. A leading `/` or `./` means the layer's root; `..` is refused wherever it leads.
fn parts(name: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    if name.len() > LONGEST || name.contains(&0) {
        return Err(io::Error::other("a name is too long or contains a zero byte"));
    }
    let parts = name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    let parts: Vec<Vec<u8>> = parts.map(<[u8]>::to_vec).collect();
    if parts.iter().any(|part| part == b"..") {
        return Err(io::Error::other(format!("{} leads out of the layer", shown(&parts))));
    }
    if parts.len() > DEEPEST || parts.iter().any(|part| part.len() > 255) {
        return Err(io::Error::other("a name is too deep or too long"));
    }
    Ok(parts)
}

fn shown(path: &[Vec<u8>]) -> String {
    let path = String::from_utf8_lossy(&path.join(&b'/')).into_owned();
    path.chars().take(200).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octal(number: u64) -> [u8; 12] {
        format!("{number:011o}\0").as_bytes().try_into().expect("eleven digits")
    }

    /// A header of GNU tar for a file of `length` bytes that is a hole but for the last 512.
    fn sparse_header(length: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_size(512);
        header.set_mode(0o644);
        let gnu = header.as_gnu_mut().expect("a header of GNU tar");
        gnu.set_real_size(length);
        gnu.sparse[0].offset = octal(length - 512);
        gnu.sparse[0].numbytes = octal(512);
        header.set_path("hole").expect("a short name");
        header.set_cksum();
        header
    }

    #[test]
    fn holes_of_a_sparse_file_count_as_bytes() {
        let caps = LayerCaps { bytes: 1 << 20, entries: 10 };
        let read = |length: u64| {
            let archive = [sparse_header(length).as_bytes(), &[b'x'; 512][..], &[0; 1024]].concat();
            let mut written = 0;
            let count = read_entries(archive.as_slice(), &caps, |entry, _, _| {
                written += io::copy(entry, &mut io::sink())?;
                Ok(())
            });
            (count.is_ok(), written)
        };
        assert_eq!(read(1 << 20), (true, 1 << 20));
        assert_eq!(read((1 << 20) + 512), (false, 0));
        assert_eq!(read(1 << 32), (false, 0));
    }

    #[test]
    fn a_name_stays_in_the_layer() {
        let plain = parts(b"/./usr//bin/./sh").map(|parts| parts.join(&b'/'));
        assert_eq!(plain.ok().as_deref(), Some(&b"usr/bin/sh"[..]));
        for name in [&b"../etc"[..], b"a/../b", b"a\0b", &[b'x'; 256], &b"a/".repeat(300)] {
            assert!(parts(name).is_err(), "{name:?}");
        }
    }
}
