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
    let mut archive = tar::Archive::new(archive);
    archive.set_ignore_zeros(false);
    let (mut count, mut bytes) = (0, 0u64);
    let mut folders = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        count += 1;
        if count > caps.entries {
            return Err(io::Error::other(format!("it has more than {} entries", caps.entries)));
        }
        bytes = bytes.saturating_add(entry.header().entry_size().unwrap_or(u64::MAX));
        if entry.header().entry_type().is_file() && bytes > caps.bytes {
            return Err(io::Error::other(format!("it unpacks to more than {} bytes", caps.bytes)));
        }
        let path = parts(&entry.path_bytes())?;
        let Some((name, parents)) = path.split_last() else {
            if entry.header().entry_type().is_dir() {
                folders.push(Folder::of(Vec::new(), entry.header())?);
            }
            continue;
        };
        let kind = match entry.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => Kind::File,
            tar::EntryType::Directory => Kind::Folder,
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
        let written = write(&mut entry, parents, name, &kind, &mut folders);
        written.map_err(|error| io::Error::other(format!("{}: {error}", shown(&path))))?;
    }
    // Writing into a folder changes its time, so folders get theirs last, the deepest first.
    folders.iter().rev().try_for_each(Folder::finish)?;
    Ok(count)
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

    #[test]
    fn a_name_stays_in_the_layer() {
        let plain = parts(b"/./usr//bin/./sh").map(|parts| parts.join(&b'/'));
        assert_eq!(plain.ok().as_deref(), Some(&b"usr/bin/sh"[..]));
        for name in [&b"../etc"[..], b"a/../b", b"a\0b", &[b'x'; 256], &b"a/".repeat(300)] {
            assert!(parts(name).is_err(), "{name:?}");
        }
    }
}
