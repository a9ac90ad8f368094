//! Unpacker process: it enters the sandbox, reads a layer from standard input and writes its result to
//! standard output.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Read, Write},
    path::PathBuf,
};

use flate2::bufread::MultiGzDecoder;
use hearth_runtime_api::Compression;
use ruzstd::decoding::StreamingDecoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{cgroup, settings::LayerLimits};

use super::{
    archive,
    budget::{LayerBudget, LayerSize, build_size_error},
    sandbox,
};

/// Request to the unpacker.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnpackTask {
    pub target: PathBuf,
    pub compression: Compression,
    /// Limits of the layer: the part of its image's limits that other layers leave.
    pub limits: LayerLimits,
    /// Path of the control group that limits this process.
    pub cgroup: String,
}

/// Result of the unpacker.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnpackResult {
    /// SHA-256 of the uncompressed archive.
    pub digest: [u8; 32],
    pub size: LayerSize,
}

/// Failure of the unpacker.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnpackFailure {
    pub reason: String,
}

/// The unpacker's `main`.
pub fn main(arguments: &[OsString]) -> i32 {
    let done = run(arguments).map_err(|error| UnpackFailure { reason: error.to_string() });
    let answer = serde_json::to_vec(&done).unwrap_or_default();
    match io::stdout().write_all(&answer) {
        Ok(()) => i32::from(done.is_err()),
        Err(_) => 2,
    }
}

fn run(arguments: &[OsString]) -> io::Result<UnpackResult> {
    let task = arguments.first().and_then(|task| task.to_str()).ok_or_else(|| io::Error::other("no task"))?;
    let task: UnpackTask = serde_json::from_str(task)?;
    // The sandbox has no control groups, so its process joins them before.
    cgroup::open_cgroup(&task.cgroup).join_cgroup()?;
    sandbox::enter_sandbox(&task.target, task.limits.bytes)?;
    let input = BufReader::with_capacity(128 << 10, io::stdin().lock());
    let mut plain = decompress_layer(task.compression, input, &task.limits)?;
    let size = archive::unpack_archive(&mut plain, LayerBudget::new(task.limits))?;
    // Bytes after the archive's end count for the digest too.
    io::copy(&mut plain, &mut io::sink())?;
    Ok(UnpackResult { digest: plain.hash.finalize().into(), size })
}

/// Returns a reader that decompresses a layer, hashes the archive and limits its size.
///
/// Fails when the bytes have another compression than their descriptor says. Layers are shared by digest: the
/// content of a layer must follow from its bytes alone, not from the descriptor of the image that was
/// unpacked first.
pub fn decompress_layer<'a>(
    compression: Compression,
    mut input: impl BufRead + 'a,
    limits: &LayerLimits,
) -> io::Result<HashingReader<Box<dyn Read + 'a>>> {
    let mut magic = Vec::with_capacity(MAGIC_BYTES);
    input.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut magic)?;
    let found = detect_compression(&magic);
    if found != compression {
        return Err(io::Error::other(format!(
            "its compression is {found:?}, and its media type says {compression:?}"
        )));
    }
    let input = io::Cursor::new(magic).chain(input);
    let plain: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(MultiGzDecoder::new(input)),
        Compression::Zstd => Box::new(ZstdFrames::new(input)),
    };
    let max_bytes = limits.bytes.saturating_add(limits.entries.saturating_mul(2048));
    Ok(HashingReader { plain, hash: Sha256::new(), read: 0, max_bytes })
}

/// Number of bytes that identify a compression.
const MAGIC_BYTES: usize = 4;

/// Detects the compression from the first bytes of a layer (RFC 1952, section 2.3.1; RFC 8878, sections 3.1.1
/// and 3.1.2).
fn detect_compression(magic: &[u8]) -> Compression {
    match magic {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// Reader that hashes its input and fails beyond a maximum number of bytes.
pub struct HashingReader<R> {
    plain: R,
    hash: Sha256,
    read: u64,
    max_bytes: u64,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.read += read as u64;
        if self.read > self.max_bytes {
            return Err(build_size_error(self.max_bytes));
        }
        Ok(read)
    }
}

/// Decoder of consecutive zstd frames (RFC 8878, section 3).
struct ZstdFrames<R: Read> {
    rest: Option<BufReader<R>>,
    frame: Option<Box<StreamingDecoder<BufReader<R>, ruzstd::decoding::FrameDecoder>>>,
}

impl<R: Read> ZstdFrames<R> {
    fn new(input: R) -> Self {
        Self { rest: Some(BufReader::new(input)), frame: None }
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
                self.rest = self.frame.take().map(|frame| frame.into_inner());
            }
            let Some(mut rest) = self.rest.take() else { return Ok(0) };
            if rest.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.frame = Some(Box::new(StreamingDecoder::new(rest).map_err(io::Error::other)?));
        }
    }
}
