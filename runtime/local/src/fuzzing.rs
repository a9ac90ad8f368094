//! Entry points for the fuzz targets of `dev/fuzz`: this crate's parsers of untrusted input, without sandbox
//! and disk.

use std::{
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use hearth_runtime_api::{Compression, LogLine};

use crate::{
    dns::{
        answer::{DnsDecision, answer_query},
        table::DnsTable,
    },
    files::operations::resolve_path,
    helper::spool::{self, LogPosition},
    layers::{archive::read_entries, budget::LayerBudget, entry::EntryKind, unpack},
    settings::LayerLimits,
};

/// Layer entry as the unpacker would write it.
#[derive(Debug, Default)]
pub struct LayerEntry {
    /// Path components.
    pub path: Vec<Vec<u8>>,
    /// Path components of a hard link's target.
    pub link: Option<Vec<Vec<u8>>>,
    /// Size of the content in bytes.
    pub bytes: u64,
}

/// Reads a layer as the sandbox does, and passes each entry to `visit` instead of writing it.
pub fn read_layer(
    compression: Compression,
    layer: &[u8],
    (max_bytes, max_entries): (u64, u64),
    mut visit: impl FnMut(LayerEntry),
) -> io::Result<u64> {
    let limits = LayerLimits { bytes: max_bytes, entries: max_entries };
    let plain = unpack::decompress_layer(compression, layer, &limits)?;
    let size = read_entries(plain, LayerBudget::new(limits), |entry, path, kind, _| {
        let bytes = match kind {
            EntryKind::File => io::copy(entry, &mut io::sink())?,
            _ => 0,
        };
        let link = if let EntryKind::Link(target) = kind { Some(target.clone()) } else { None };
        visit(LayerEntry { path: path.to_vec(), link, bytes });
        Ok(())
    })?;
    Ok(size.entries)
}

/// Reads at most `max_lines` lines of the log at `path` from its first frame. Returns them with the byte
/// offset and the sequence after the last one.
pub fn read_log(path: &Path, max_lines: usize) -> io::Result<(Vec<LogLine>, (u64, u64))> {
    let (lines, end) = spool::read_lines(path, LogPosition { offset: 0, sequence: 0 }, max_lines)?;
    Ok((lines, (end.offset, end.sequence)))
}

/// Parses a `log.taken` file: byte offset and sequence.
pub fn read_taken(text: &str) -> (u64, u64) {
    let LogPosition { offset, sequence } = LogPosition::parse_or_start(text);
    (offset, sequence)
}

/// Resolves the path of a request about files, as the file process does.
pub fn resolve_file_path(path: &str) -> PathBuf {
    resolve_path(path)
}

/// Answers a query as the DNS server for containers does. `None` when the server forwards or ignores it.
pub fn answer_dns(question: &[u8]) -> Option<Vec<u8>> {
    let table = DnsTable {
        service_address: Ipv4Addr::new(10, 64, 0, 1),
        prefix: 25,
        entries: Vec::new(),
        closed_networks: Vec::new(),
    };
    match answer_query(&table, Ipv4Addr::new(10, 64, 0, 130), question) {
        DnsDecision::Reply(answer) => Some(answer),
        DnsDecision::Forward | DnsDecision::Ignore => None,
    }
}
