//! A container's log spool on disk: a bounded sequence of frames. A full spool drops lines and never blocks
//! the container.
//!
//! Format of a frame, with little-endian numbers: length of the rest (u32), sequence (u64), microseconds
//! since 1970 (i64), source (u8, bit 7 is set if the line continues), bytes of the line. The first frame has
//! sequence 0, and its bytes are a JSON object with format version and instance. The file `log.taken` beside
//! it contains the position up to which the runtime has taken the log.

use core::{ffi::CStr, fmt};

use rustix::{
    fd::BorrowedFd,
    fs::{FallocateFlags, Mode, OFlags},
    io::{Errno, IoSlice},
    time::ClockId,
};

use crate::{clock::now_micros, exit_file::TextBuffer};

/// Size of a frame's header.
pub const FRAME_HEADER_BYTES: usize = 21;
/// The bit of the source byte that marks a line which continues in the next frame.
pub const PARTIAL_LINE_BIT: u8 = 0x80;

const TAKEN_FILE: &CStr = c"log.taken";
/// Minimum time between two checks of `log.taken` while the spool is full, in microseconds.
const SPACE_CHECK_MICROS: i64 = 20_000;

/// The source of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LineSource {
    /// Standard output.
    Out = 1,
    /// Standard error.
    Err = 2,
    /// A note of the waiter about the log itself.
    Note = 3,
}

/// A position between two frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    /// Offset in bytes.
    pub offset: u64,
    /// Sequence of the next frame.
    pub sequence: u64,
}

impl LogPosition {
    /// Parses the content of `log.taken`. Invalid text yields the start of the log.
    pub fn parse_or_start(text: &str) -> Self {
        let number = |text: &str| text.parse().ok();
        let read =
            text.split_once(' ').and_then(|(offset, sequence)| Some((number(offset)?, number(sequence)?)));
        let (offset, sequence) = read.unwrap_or((0, 0));
        Self { offset, sequence }
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.offset, self.sequence)
    }
}

/// Writes the first frame of a log.
pub fn begin_log(log: BorrowedFd<'_>, about: &[u8]) -> rustix::io::Result<()> {
    write_frame(log, LogPosition { offset: 0, sequence: 0 }, LineSource::Note as u8, about).map(drop)
}

/// The writer of a container's log.
pub struct LogSpool<'a> {
    log: BorrowedFd<'a>,
    folder: BorrowedFd<'a>,
    /// Position of the next frame.
    next: LogPosition,
    /// Offset up to which the runtime has taken the log.
    taken: u64,
    max_bytes: u64,
    lost: u64,
    /// Time of the current lines on the monotonic clock. A clock read for each lost line would cost more than the
    /// line itself.
    now: i64,
    /// Time of the last check of `log.taken` without new space, on the monotonic clock.
    last_checked_at: Option<i64>,
}

impl<'a> LogSpool<'a> {
    /// Opens a log after its first frame. At most `max_bytes` bytes wait to be taken.
    pub fn new(log: BorrowedFd<'a>, folder: BorrowedFd<'a>, max_bytes: u64) -> rustix::io::Result<Self> {
        let size = rustix::fs::fstat(log)?.st_size;
        let next = LogPosition { offset: u64::try_from(size).unwrap_or(0), sequence: 1 };
        let now = now_micros(ClockId::Monotonic);
        Ok(Self { log, folder, next, taken: 0, max_bytes, lost: 0, now, last_checked_at: None })
    }

    /// Sets the time of the next lines, on the monotonic clock.
    pub fn set_time(&mut self, now: i64) {
        self.now = now;
    }

    /// Appends a line, or counts it as lost when the spool is full.
    pub fn append_line(&mut self, kind: LineSource, partial: bool, line: &[u8]) {
        let kind = kind as u8 | if partial { PARTIAL_LINE_BIT } else { 0 };
        if !self.has_room(line.len()) || !self.record_losses() || !self.append_frame(kind, line) {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Appends a note with the number of lost lines, if any. False if the note does not fit either.
    pub fn record_losses(&mut self) -> bool {
        if self.lost == 0 {
            return true;
        }
        let recorded = self.append_frame(
            LineSource::Note as u8,
            TextBuffer::from_arguments(format_args!("{} lines lost", self.lost)).bytes(),
        );
        if recorded {
            self.lost = 0;
        }
        recorded
    }

    fn has_room(&mut self, line: usize) -> bool {
        let frame = (line + FRAME_HEADER_BYTES) as u64;
        let (end, most) = (self.next.offset, self.max_bytes);
        let fits = |taken: u64| end - taken + frame <= most;
        if fits(self.taken) {
            return true;
        }
        // A flood of lines would read the file once per line, so the checks are limited in rate.
        if self.last_checked_at.is_some_and(|looked| self.now - looked < SPACE_CHECK_MICROS) {
            return false;
        }
        let taken = self.read_taken_offset().min(end);
        self.last_checked_at = (taken == self.taken).then_some(self.now);
        if taken > self.taken {
            // Frees the blocks of the taken frames. The offsets of later frames stay the same.
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(self.log, hole, 0, taken);
            self.taken = taken;
        }
        fits(self.taken)
    }

    fn read_taken_offset(&self) -> u64 {
        let mut text = [0; 64];
        let file =
            rustix::fs::openat(self.folder, TAKEN_FILE, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let read = file.and_then(|file| rustix::io::read(file, &mut text)).unwrap_or(0);
        let text = core::str::from_utf8(text.get(..read).unwrap_or_default());
        LogPosition::parse_or_start(text.unwrap_or_default()).offset
    }

    fn append_frame(&mut self, kind: u8, line: &[u8]) -> bool {
        match write_frame(self.log, self.next, kind, line) {
            Ok(size) => {
                let LogPosition { offset, sequence } = self.next;
                self.next = LogPosition { offset: offset + size, sequence: sequence + 1 };
                true
            }
            Err(_) => {
                // The disk is full. A partial frame must be cut off, or a reader would parse it.
                let _ = rustix::fs::ftruncate(self.log, self.next.offset);
                false
            }
        }
    }
}

/// Writes a frame with one system call. Returns its size.
fn write_frame(log: BorrowedFd<'_>, at: LogPosition, kind: u8, line: &[u8]) -> rustix::io::Result<u64> {
    let size = u32::try_from(line.len() + FRAME_HEADER_BYTES - 4).map_err(|_| Errno::TOOBIG)?;
    let mut head = [0; FRAME_HEADER_BYTES];
    head[..4].copy_from_slice(&size.to_le_bytes());
    head[4..12].copy_from_slice(&at.sequence.to_le_bytes());
    head[12..20].copy_from_slice(&now_micros(ClockId::Realtime).to_le_bytes());
    head[20] = kind;
    let written = rustix::io::pwritev(log, &[IoSlice::new(&head), IoSlice::new(line)], at.offset)?;
    if written == FRAME_HEADER_BYTES + line.len() { Ok(written as u64) } else { Err(Errno::NOSPC) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::{self, File, OpenOptions},
        os::fd::AsFd,
    };

    /// Parses the sources and texts of all frames of a file, and asserts their order.
    fn parse_frames(bytes: &[u8]) -> Vec<(u8, String)> {
        let (mut rest, mut found) = (bytes, Vec::new());
        while let Some((head, behind)) = rest.split_at_checked(FRAME_HEADER_BYTES) {
            let size = u32::from_le_bytes(head[..4].try_into().unwrap());
            assert_eq!(head[4..12], (found.len() as u64).to_le_bytes());
            let (line, behind) = behind.split_at(usize::try_from(size).unwrap() + 4 - FRAME_HEADER_BYTES);
            found.push((head[20], String::from_utf8(line.to_vec()).unwrap()));
            rest = behind;
        }
        assert!(rest.is_empty());
        found
    }

    #[test]
    fn lines_beyond_the_limit_are_counted_and_reported_once_there_is_room() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        let log = File::create(&path).unwrap();
        let folder = File::open(place.path()).unwrap();
        begin_log(log.as_fd(), b"{}").unwrap();
        let mut spool = LogSpool::new(log.as_fd(), folder.as_fd(), 400).unwrap();
        for _ in 0..20 {
            spool.append_line(LineSource::Out, false, &[b'x'; 30]);
        }
        let kept = parse_frames(&fs::read(&path).unwrap()).len() - 1;
        assert!(kept < 10, "{kept}");
        fs::write(place.path().join("log.taken"), spool.next.to_string()).unwrap();
        spool.last_checked_at = None;
        spool.append_line(LineSource::Err, true, b"after");
        let mut bytes = fs::read(&path).unwrap();
        // The taken range reads as zeroes now.
        let taken = usize::try_from(spool.taken).unwrap();
        assert!(bytes[..taken].iter().all(|byte| *byte == 0));
        let head: Vec<u8> = (0..=kept as u64)
            .flat_map(|number| {
                let mut head = [0; FRAME_HEADER_BYTES];
                head[..4].copy_from_slice(&17u32.to_le_bytes());
                head[4..12].copy_from_slice(&number.to_le_bytes());
                head
            })
            .collect();
        bytes.splice(..taken, head);
        let note = (3, format!("{} lines lost", 20 - kept));
        assert_eq!(parse_frames(&bytes)[kept + 1..], [note, (2 | PARTIAL_LINE_BIT, "after".to_owned())]);
    }

    #[test]
    fn full_spool_looks_for_room_by_the_time_of_its_lines() {
        let place = tempfile::tempdir().unwrap();
        let log = File::create(place.path().join("log")).unwrap();
        let folder = File::open(place.path()).unwrap();
        let mut spool = LogSpool::new(log.as_fd(), folder.as_fd(), 60).unwrap();
        (1..=3).for_each(|_| spool.append_line(LineSource::Out, false, &[b'x'; 30]));
        let (full, checked_at) = (spool.next, spool.last_checked_at.unwrap());
        assert_eq!(spool.lost, 2);
        fs::write(place.path().join("log.taken"), full.to_string()).unwrap();
        spool.set_time(checked_at + SPACE_CHECK_MICROS - 1);
        spool.append_line(LineSource::Out, false, b"too early");
        assert_eq!((spool.lost, spool.next), (3, full));
        spool.set_time(checked_at + SPACE_CHECK_MICROS);
        spool.append_line(LineSource::Out, false, b"kept");
        assert_eq!((spool.lost, spool.next.sequence), (0, full.sequence + 2));
    }

    #[test]
    fn full_disk_loses_lines_only() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let folder = File::open("/").unwrap();
        let mut spool = LogSpool::new(full.as_fd(), folder.as_fd(), 1 << 20).unwrap();
        for lost in 1..=3 {
            spool.append_line(LineSource::Out, false, b"line");
            assert_eq!((spool.lost, spool.next.offset), (lost, 0));
        }
        let log = tempfile::tempfile().unwrap();
        spool.log = log.as_fd();
        spool.append_line(LineSource::Out, false, b"there is room again");
        assert_eq!((spool.lost, spool.next.sequence), (0, 3));
    }
}
