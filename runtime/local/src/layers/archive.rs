//! Reading of a layer's tar archive (POSIX.1-2017 `pax`, with GNU long names) and writing of its entries
//! below `/`.
//!
//! Whiteouts (OCI image specification, `layer.md`, "Whiteouts") are converted to the format of overlayfs: a
//! character device 0:0 for a removed name, the attribute `user.overlay.opaque` for a folder that hides the
//! lower layers.

use std::io::{self, Read};

use super::{
    budget::{LayerBudget, LayerSize},
    entry::{self, DeferredFolder, EntryKind},
};

/// Maximum length of a path or link target, in bytes.
const MAX_NAME_BYTES: usize = 4096;
/// Maximum number of path components.
const MAX_DEPTH: usize = 256;

/// Unpacks all entries and returns the unpacked size. Stops at the first error.
pub fn unpack_archive(archive: impl Read, budget: LayerBudget) -> io::Result<LayerSize> {
    let mut folders = Vec::new();
    let size = read_entries(archive, budget, |entry, path, kind, budget| match path.split_last() {
        None => {
            folders.push(DeferredFolder::new(&[], entry.header())?);
            Ok(())
        }
        Some((name, parents)) => write_entry(entry, parents, name, kind, (&mut folders, budget)),
    })?;
    // Writing into a folder changes its modification time, so folders get their metadata last, deepest first.
    folders.iter().rev().try_for_each(DeferredFolder::apply_metadata)?;
    Ok(size)
}

/// Reads all entries and passes each to `visit` with its validated path and the budget, from which the entry
/// is taken already. An empty path is the layer's root and always a folder. Returns the unpacked size.
pub fn read_entries<R: Read>(
    archive: R,
    mut budget: LayerBudget,
    mut visit: impl FnMut(&mut tar::Entry<'_, R>, &[Vec<u8>], &EntryKind, &mut LayerBudget) -> io::Result<()>,
) -> io::Result<LayerSize> {
    let mut archive = tar::Archive::new(archive);
    archive.set_ignore_zeros(false);
    for entry in archive.entries()? {
        let mut entry = entry?;
        match entry.header().entry_type().is_dir() {
            true => budget.count_folder()?,
            false => budget.count_file(compute_written_size(&entry))?,
        }
        refuse_pax_sparse(&mut entry)?;
        let path = split_path(&entry.path_bytes())?;
        let kind = match entry.header().entry_type() {
            tar::EntryType::Directory => EntryKind::Folder,
            _ if path.is_empty() => continue,
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => {
                EntryKind::File
            }
            tar::EntryType::Symlink => EntryKind::Symlink(read_link_target(&entry)?),
            tar::EntryType::Link => EntryKind::Link(split_path(&read_link_target(&entry)?)?),
            // Device files are skipped: containers get their own /dev.
            tar::EntryType::Char | tar::EntryType::Block => continue,
            tar::EntryType::Fifo => EntryKind::Fifo,
            tar::EntryType::XGlobalHeader => continue,
            other => {
                return Err(io::Error::other(format!(
                    "{} has an unknown entry type: {other:?}",
                    format_path(&path)
                )));
            }
        };
        let visited = visit(&mut entry, &path, &kind, &mut budget);
        visited.map_err(|error| io::Error::other(format!("{}: {error}", format_path(&path))))?;
    }
    Ok(budget.used())
}

/// Computes the maximum size of an entry's content on the disk: the full length of a sparse file, otherwise
/// the larger one of the sizes in the header and in the pax record.
fn compute_written_size<R: Read>(entry: &tar::Entry<'_, R>) -> u64 {
    entry.header().size().unwrap_or(u64::MAX).max(entry.size())
}

/// Refuses a sparse file in the pax formats of GNU tar ("Storing Sparse Files" in its manual). The tar crate
/// would unpack it as a file with another name, whose content begins with the map of holes.
fn refuse_pax_sparse<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<()> {
    let Some(records) = entry.pax_extensions()? else { return Ok(()) };
    // The tar crate cannot read records whose values contain line breaks, such as binary attributes.
    for record in records.filter_map(Result::ok) {
        if record.key_bytes().starts_with(b"GNU.sparse.") {
            return Err(io::Error::other(
                "it has a sparse file in a format that is not supported; build it without tar's --sparse",
            ));
        }
    }
    Ok(())
}

fn write_entry<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    parents: &[Vec<u8>],
    name: &[u8],
    kind: &EntryKind,
    (folders, budget): (&mut Vec<DeferredFolder>, &mut LayerBudget),
) -> io::Result<()> {
    let parent = entry::make_parent_folders(parents, budget)?;
    if let Some(hidden) = name.strip_prefix(b".wh.") {
        return match hidden {
            b".wh..opq" => entry::make_opaque(&parent),
            b"" | b"." | b".." => Err(io::Error::other("a whiteout has no name")),
            hidden if hidden.starts_with(b".wh.") => Ok(()),
            hidden => entry::make_whiteout(&parent, hidden),
        };
    }
    let header = entry.header().clone();
    if let EntryKind::Folder = kind {
        entry::make_folder(&parent, name)?;
        let path: Vec<Vec<u8>> = parents.iter().cloned().chain([name.to_vec()]).collect();
        folders.push(DeferredFolder::new(&path, &header)?);
        return Ok(());
    }
    entry::make_entry(&parent, name, kind, &header, entry)
}

fn read_link_target<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<Vec<u8>> {
    let target = entry.link_name_bytes().ok_or_else(|| io::Error::other("a link has no target"))?;
    if target.is_empty() || target.len() > MAX_NAME_BYTES || target.contains(&0) {
        return Err(io::Error::other("a link's target is empty, too long or contains a NUL byte"));
    }
    Ok(target.into_owned())
}

/// Splits a path into its components. A leading `/` or `./` means the layer's root; `..` is always an error.
fn split_path(name: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    if name.len() > MAX_NAME_BYTES || name.contains(&0) {
        return Err(io::Error::other("a path is too long or contains a NUL byte"));
    }
    let parts = name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    let parts: Vec<Vec<u8>> = parts.map(<[u8]>::to_vec).collect();
    if parts.iter().any(|part| part == b"..") {
        return Err(io::Error::other(format!(
            "{} leads out of the layer: \"..\" is not allowed",
            format_path(&parts)
        )));
    }
    if parts.len() > MAX_DEPTH || parts.iter().any(|part| part.len() > 255) {
        return Err(io::Error::other("a path has too many components, or one that is too long"));
    }
    Ok(parts)
}

fn format_path(path: &[Vec<u8>]) -> String {
    let path = String::from_utf8_lossy(&path.join(&b'/')).into_owned();
    path.chars().take(200).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::LayerLimits;

    fn encode_octal(number: u64) -> [u8; 12] {
        format!("{number:011o}\0").as_bytes().try_into().expect("eleven digits")
    }

    /// GNU tar header of a sparse file of `length` bytes with data only in the last 512 bytes.
    fn sparse_header(length: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_size(512);
        header.set_mode(0o644);
        let gnu = header.as_gnu_mut().expect("a header of GNU tar");
        gnu.set_real_size(length);
        gnu.sparse[0].offset = encode_octal(length - 512);
        gnu.sparse[0].numbytes = encode_octal(512);
        header.set_path("hole").expect("a short name");
        header.set_cksum();
        header
    }

    #[test]
    fn holes_of_a_sparse_file_count_as_bytes() {
        let read = |length: u64| {
            let budget = LayerBudget::new(LayerLimits { bytes: 1 << 20, entries: 10 });
            let archive = [sparse_header(length).as_bytes(), &[b'x'; 512][..], &[0; 1024]].concat();
            let mut written = 0;
            let count = read_entries(archive.as_slice(), budget, |entry, _, _, _| {
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
    fn sparse_file_in_a_pax_format_is_refused() {
        let mut archive = tar::Builder::new(Vec::new());
        let records = [("GNU.sparse.major", &b"1"[..]), ("GNU.sparse.realsize", b"1099511627776")];
        archive.append_pax_extensions(records).expect("a pax header");
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        archive.append_data(&mut header, "GNUSparseFile.0/hole", &b""[..]).expect("an entry");
        let archive = archive.into_inner().expect("an archive");
        let budget = LayerBudget::new(LayerLimits { bytes: 1 << 20, entries: 10 });
        let error = read_entries(archive.as_slice(), budget, |_, _, _, _| Ok(())).expect_err("a sparse file");
        assert!(error.to_string().contains("sparse"), "{error}");
    }

    #[test]
    fn names_stay_in_the_layer() {
        let plain = split_path(b"/./usr//bin/./sh").map(|parts| parts.join(&b'/'));
        assert_eq!(plain.ok().as_deref(), Some(&b"usr/bin/sh"[..]));
        for name in [&b"../etc"[..], b"a/../b", b"a\0b", &[b'x'; 256], &b"a/".repeat(300)] {
            assert!(split_path(name).is_err(), "{name:?}");
        }
    }
}
