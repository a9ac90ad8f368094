//! The unpacker's process: it locks itself in, then reads a layer from its input and answers on its output.

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

use crate::settings::LayerCaps;

use super::{archive, sandbox};

/// What to unpack.
#[derive(Debug, Serialize, Deserialize)]
pub struct Task {
    pub target: PathBuf,
    pub compression: Compression,
    pub caps: LayerCaps,
}

/// What was unpacked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Unpacked {
    /// SHA-256 of the uncompressed archive.
    pub digest: [u8; 32],
    pub entries: u64,
}

/// Why it was not.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refused {
    pub why: String,
}

/// The process's `main`.
pub fn main(arguments: &[OsString]) -> i32 {
    let done = run(arguments).map_err(|error| Refused { why: error.to_string() });
    let answer = serde_json::to_vec(&done).unwrap_or_default();
    match io::stdout().write_all(&answer) {
        Ok(()) => i32::from(done.is_err()),
        Err(_) => 2,
    }
}

fn run(arguments: &[OsString]) -> io::Result<Unpacked> {
    let task = arguments.first().and_then(|task| task.to_str()).ok_or_else(|| io::Error::other("no task"))?;
    let task: Task = serde_json::from_str(task)?;
    sandbox::enter(&task.target)?;
    let input = BufReader::with_capacity(128 << 10, io::stdin().lock());
    let mut plain = decompressed(task.compression, input, &task.caps);
    let entries = archive::unpack(&mut plain, &task.caps)?;
    // What follows the archive's end belongs to the digest too.
    io::copy(&mut plain, &mut io::sink())?;
    Ok(Unpacked { digest: plain.hash.finalize().into(), entries })
}

/// A layer's archive, decompressed, hashed and with an end.
pub fn decompressed<'a>(
    compression: Compression,
    input: impl BufRead + 'a,
    caps: &LayerCaps,
) -> Hashed<Box<dyn Read + 'a>> {
    let plain: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(MultiGzDecoder::new(input)),
        Compression::Zstd => Box::new(Frames::new(input)),
    };
    let most = caps.bytes.saturating_add(caps.entries.saturating_mul(2048));
    Hashed { plain, hash: Sha256::new(), read: 0, most }
}

/// Counts and hashes what is read, and ends what never ends.
pub struct Hashed<R> {
    plain: R,
    hash: Sha256,
    read: u64,
    most: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.read += read as u64;
        if self.read > self.most {
            return Err(io::Error::other(format!("it unpacks to more than {} bytes", self.most)));
        }
        Ok(read)
    }
}

/// One zstd frame after another (RFC 8878, section 3).
struct Frames<R: Read> {
    rest: Option<BufReader<R>>,
    frame: Option<Box<StreamingDecoder<BufReader<R>, ruzstd::decoding::FrameDecoder>>>,
}

impl<R: Read> Frames<R> {
    fn new(input: R) -> Self {
        Self { rest: Some(BufReader::new(input)), frame: None }
    }
}

impl<R: Read> Read for Frames<R> {
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
