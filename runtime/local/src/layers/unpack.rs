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

use crate::settings::LayerLimits;

use super::{archive, sandbox};

/// Request to the unpacker.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnpackTask {
    pub target: PathBuf,
    pub compression: Compression,
    pub limits: LayerLimits,
}

/// Result of the unpacker.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnpackResult {
    /// SHA-256 of the uncompressed archive.
    pub digest: [u8; 32],
    pub entries: u64,
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
    sandbox::enter_sandbox(&task.target)?;
    let input = BufReader::with_capacity(128 << 10, io::stdin().lock());
    let mut plain = decompress_layer(task.compression, input, &task.limits);
    let entries = archive::unpack_archive(&mut plain, &task.limits)?;
    // Bytes after the archive's end count for the digest too.
    io::copy(&mut plain, &mut io::sink())?;
    Ok(UnpackResult { digest: plain.hash.finalize().into(), entries })
}

/// Returns a reader that decompresses a layer, hashes the archive and limits its size.
pub fn decompress_layer<'a>(
    compression: Compression,
    input: impl BufRead + 'a,
    limits: &LayerLimits,
) -> HashingReader<Box<dyn Read + 'a>> {
    let plain: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(MultiGzDecoder::new(input)),
        Compression::Zstd => Box::new(ZstdFrames::new(input)),
    };
    let max_bytes = limits.bytes.saturating_add(limits.entries.saturating_mul(2048));
    HashingReader { plain, hash: Sha256::new(), read: 0, max_bytes }
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
            return Err(io::Error::other(format!("the layer unpacks to more than {} bytes", self.max_bytes)));
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
