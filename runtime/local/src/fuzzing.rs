//! Entries for the fuzz targets of `dev/fuzz`: what this crate reads from outside, without the sandbox and the disk
//! around it.

use std::{io, net::Ipv4Addr, path::Path};

use hearth_runtime_api::{Compression, LogLine};

use crate::{
    helper::spool::{self, Place},
    layers::{archive::read_entries, entry::Kind, unpack},
    names::{
        answer::{Answer, answer},
        table::Table,
    },
    settings::LayerCaps,
};

/// An entry of a layer as it would be written.
#[derive(Debug, Default)]
pub struct LayerEntry {
    /// The parts of its path.
    pub path: Vec<Vec<u8>>,
    /// The parts of the path that a hard link leads to.
    pub link: Option<Vec<Vec<u8>>>,
    /// Bytes of its content.
    pub bytes: u64,
}

/// Reads a layer as the sandbox does, and hands its entries to `visit` instead of writing them.
pub fn read_layer(
    compression: Compression,
    layer: &[u8],
    (max_bytes, max_entries): (u64, u64),
    mut visit: impl FnMut(LayerEntry),
) -> io::Result<u64> {
    let caps = LayerCaps { bytes: max_bytes, entries: max_entries };
    let plain = unpack::decompressed(compression, layer, &caps);
    read_entries(plain, &caps, |entry, path, kind| {
        let bytes = match kind {
            Kind::File => io::copy(entry, &mut io::sink())?,
            _ => 0,
        };
        let link = if let Kind::Link(target) = kind { Some(target.clone()) } else { None };
        visit(LayerEntry { path: path.to_vec(), link, bytes });
        Ok(())
    })
}

/// Reads the log at `path` from its first frame: at most `max_lines` lines, and bytes and sequence behind the last.
pub fn read_log(path: &Path, max_lines: usize) -> io::Result<(Vec<LogLine>, (u64, u64))> {
    let (lines, end) = spool::read(path, Place { offset: 0, sequence: 0 }, max_lines)?;
    Ok((lines, (end.offset, end.sequence)))
}

/// The place that a `log.taken` file says.
pub fn read_taken(text: &str) -> (u64, u64) {
    let Place { offset, sequence } = Place::read(text);
    (offset, sequence)
}

/// The answer of the DNS server for containers to a question.
pub fn answer_dns(question: &[u8]) -> Option<Vec<u8>> {
    let table = Table { door: Ipv4Addr::new(10, 64, 0, 1), prefix: 25, entries: Vec::new() };
    match answer(&table, Ipv4Addr::new(10, 64, 0, 130), question) {
        Answer::Own(answer) => Some(answer),
        Answer::PassOn | Answer::Nothing => None,
    }
}
