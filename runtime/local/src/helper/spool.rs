//! A container's log on the disk: frames behind each other, bounded, never in the container's way.
//!
//! A frame: length of what follows (u32), sequence (u64), microseconds since 1970 (i64), stream (u8, bit 7 says
//! that the line goes on), the line's bytes; numbers little endian. The file begins with one frame of sequence 0
//! whose bytes are a JSON object with the version and the instance.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hearth_base::{Clock, SystemClock};
use hearth_runtime_api::{InstanceId, LogLine, Stream};
use jiff::Timestamp;
use rustix::fs::FallocateFlags;

/// Bytes of a frame before the line's.
const HEAD: usize = 21;
/// A longer line comes in pieces.
const LONGEST: usize = 16 << 10;
const PARTIAL: u8 = 0x80;
/// How often a full spool looks for room.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A frame that claims more is none.
const MOST: u32 = 1 << 20;

/// Where the lines go that a container writes.
pub struct Spool {
    file: File,
    path: PathBuf,
    end: u64,
    /// Bytes before this have been taken.
    taken: u64,
    most: u64,
    sequence: u64,
    lost: u64,
    /// When it was last looked whether there is room again.
    looked: Option<Instant>,
}

impl Spool {
    pub fn create(path: &Path, instance: InstanceId, most: u64) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let mut spool =
            Self { file, path: path.to_owned(), end: 0, taken: 0, most, sequence: 0, lost: 0, looked: None };
        let head = format!("{{\"version\":1,\"instance\":\"{instance}\"}}");
        spool.append(Stream::Note, false, head.as_bytes())?;
        Ok(spool)
    }

    /// Keeps a line, or counts it as lost when there is no room.
    pub fn line(&mut self, stream: Stream, partial: bool, line: &[u8]) -> io::Result<()> {
        if !self.has_room(line.len()) {
            self.lost += 1;
            return Ok(());
        }
        self.tell_losses()?;
        self.append(stream, partial, line)
    }

    /// Says how many lines were lost, if any were.
    pub fn tell_losses(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.lost) {
            0 => Ok(()),
            lost => self.append(Stream::Note, false, format!("{lost} lines lost").as_bytes()),
        }
    }

    fn has_room(&mut self, line: usize) -> bool {
        let fits = |taken: u64| self.end - taken + (line + HEAD) as u64 <= self.most;
        if fits(self.taken) {
            return true;
        }
        // A flood asks for each line; the file is not read that often.
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_AGAIN) {
            return false;
        }
        let taken = taken(&self.path).offset.min(self.end);
        self.looked = (taken == self.taken).then(Instant::now);
        if taken > self.taken {
            // The disk gets back what has been taken; the numbers of what follows stay the same.
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(&self.file, hole, 0, taken);
            self.taken = taken;
        }
        fits(self.taken)
    }

    fn append(&mut self, stream: Stream, partial: bool, line: &[u8]) -> io::Result<()> {
        let size = u32::try_from(line.len() + HEAD - 4).map_err(io::Error::other)?;
        let kind = match stream {
            Stream::Out => 1,
            Stream::Err => 2,
            Stream::Note => 3,
        };
        let mut frame = Vec::with_capacity(line.len() + HEAD);
        frame.extend(size.to_le_bytes());
        frame.extend(self.sequence.to_le_bytes());
        frame.extend(SystemClock.now().as_microsecond().to_le_bytes());
        frame.push(kind | if partial { PARTIAL } else { 0 });
        frame.extend(line);
        self.file.write_all_at(&frame, self.end)?;
        self.end += frame.len() as u64;
        self.sequence += 1;
        Ok(())
    }
}

/// Cuts what a stream brings into lines.
pub struct Cutter {
    stream: Stream,
    rest: Vec<u8>,
}

impl Cutter {
    pub fn new(stream: Stream) -> Self {
        Self { stream, rest: Vec::new() }
    }

    pub fn take(&mut self, bytes: &[u8], spool: &mut Spool) -> io::Result<()> {
        for byte in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend(byte);
            while self.rest.len() > LONGEST {
                let rest = self.rest.split_off(LONGEST);
                spool.line(self.stream, true, &self.rest)?;
                self.rest = rest;
            }
            if self.rest.last() == Some(&b'\n') {
                self.rest.pop();
                spool.line(self.stream, false, &self.rest)?;
                self.rest.clear();
            }
        }
        Ok(())
    }

    pub fn finish(&mut self, spool: &mut Spool) -> io::Result<()> {
        if !self.rest.is_empty() {
            spool.line(self.stream, false, &self.rest)?;
            self.rest.clear();
        }
        Ok(())
    }
}

/// A place between two frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub offset: u64,
    /// The next frame's sequence.
    pub sequence: u64,
}

/// Reads up to `most` lines from a place on, and gives the place behind them.
pub fn read(path: &Path, from: Place, most: usize) -> io::Result<(Vec<LogLine>, Place)> {
    let file = File::open(path)?;
    let mut place = from;
    let mut lines = Vec::new();
    while lines.len() < most {
        let Some((frame, sequence, size)) = frame_at(&file, place.offset)? else { break };
        place = Place { offset: place.offset + size, sequence: sequence + 1 };
        if sequence > 0 {
            lines.push(frame);
        }
    }
    Ok((lines, place))
}

/// Walks on from a place to the frame with this sequence, or to the end.
pub fn walk(path: &Path, from: Place, sequence: u64) -> io::Result<Place> {
    let file = File::open(path)?;
    let mut place = from;
    while place.sequence < sequence {
        let Some((_, found, size)) = frame_at(&file, place.offset)? else { break };
        place = Place { offset: place.offset + size, sequence: found + 1 };
    }
    Ok(place)
}

fn frame_at(file: &File, offset: u64) -> io::Result<Option<(LogLine, u64, u64)>> {
    let mut head = [0; HEAD];
    // A frame is written in one piece; one that is cut short is being written.
    if file.read_at(&mut head, offset)? < HEAD {
        return Ok(None);
    }
    let word = |range: std::ops::Range<usize>| {
        head[range].iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte))
    };
    let size = word(0..4);
    if size < (HEAD - 4) as u64 || size > u64::from(MOST) {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0) - (HEAD - 4)];
    if file.read_at(&mut bytes, offset + HEAD as u64)? < bytes.len() {
        return Ok(None);
    }
    let stream = match head[20] & !PARTIAL {
        1 => Stream::Out,
        2 => Stream::Err,
        _ => Stream::Note,
    };
    let sequence = word(4..12);
    let time = Timestamp::from_microsecond(word(12..20).cast_signed()).unwrap_or(Timestamp::UNIX_EPOCH);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = LogLine { sequence, time, stream, partial: head[20] & PARTIAL != 0, text };
    Ok(Some((line, sequence, size + 4)))
}

/// Notes that everything before a place has been taken.
pub fn take(path: &Path, place: Place) -> io::Result<()> {
    let temporary = path.with_extension("took");
    fs::write(&temporary, format!("{} {}", place.offset, place.sequence))?;
    fs::rename(temporary, path.with_extension("taken"))
}

/// The place before which everything has been taken.
pub fn taken(path: &Path) -> Place {
    let text = fs::read_to_string(path.with_extension("taken")).unwrap_or_default();
    let numbers = text
        .split_once(' ')
        .and_then(|(offset, sequence)| Some((offset.parse().ok()?, sequence.parse().ok()?)));
    let (offset, sequence) = numbers.unwrap_or((0, 0));
    Place { offset, sequence }
}

/// Whether the disk has got back what was taken.
pub fn punched(path: &Path) -> bool {
    File::open(path).and_then(|file| frame_at(&file, 0)).is_ok_and(|frame| frame.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::{Entropy, Error, Result};
    use hearth_runtime_api::RunId;

    fn spool(most: u64) -> Result<(tempfile::TempDir, PathBuf, Spool)> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let path = folder.path().join("log");
        let run = RunId::new(SystemClock.now(), &Entropy::System);
        let spool = Spool::create(&path, InstanceId::of_run(run), most).map_err(Error::internal)?;
        Ok((folder, path, spool))
    }

    const START: Place = Place { offset: 0, sequence: 0 };

    #[test]
    fn lines_are_cut_and_read_back() -> Result<()> {
        let (_folder, path, mut spool) = spool(1 << 20)?;
        let mut out = Cutter::new(Stream::Out);
        let long = vec![b'x'; LONGEST + 3];
        for bytes in [&b"one\ntw"[..], b"o\n\n", &long, b"\nend"] {
            out.take(bytes, &mut spool).map_err(Error::internal)?;
        }
        out.finish(&mut spool).map_err(Error::internal)?;
        let (lines, place) = read(&path, START, 100).map_err(Error::internal)?;
        let texts: Vec<(usize, bool)> = lines.iter().map(|line| (line.text.len(), line.partial)).collect();
        assert_eq!(texts, [(3, false), (3, false), (0, false), (LONGEST, true), (3, false), (3, false)]);
        assert_eq!(lines.iter().map(|line| line.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(place.sequence, 7);
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_counted_and_told_when_there_is_room() -> Result<()> {
        let (_folder, path, mut spool) = spool(400)?;
        for _ in 0..20 {
            spool.line(Stream::Out, false, &[b'x'; 30]).map_err(Error::internal)?;
        }
        let (lines, place) = read(&path, START, 100).map_err(Error::internal)?;
        let kept = lines.len();
        assert!(kept < 10, "{kept}");
        take(&path, place).map_err(Error::internal)?;
        spool.looked = None;
        spool.line(Stream::Out, false, b"after").map_err(Error::internal)?;
        let (lines, _) = read(&path, taken(&path), 100).map_err(Error::internal)?;
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, [format!("{} lines lost", 20 - kept).as_str(), "after"]);
        assert_eq!(lines[0].sequence, kept as u64 + 1);
        Ok(())
    }
}
