//! A container's log on the disk: frames behind each other, bounded, never in the container's way.
//!
//! A frame: length of what follows (u32), sequence (u64), microseconds since 1970 (i64), kind (u8, bit 7 says that
//! the line goes on), the line's bytes; numbers little endian. The file begins with one frame of sequence 0 whose
//! bytes are a JSON object with the version and the instance. Beside it lies `log.taken`: the place before which
//! everything has been taken, written by whoever takes.

use core::{ffi::CStr, fmt};

use rustix::{
    fd::BorrowedFd,
    fs::{FallocateFlags, Mode, OFlags},
    io::{Errno, IoSlice},
    time::ClockId,
};

use crate::{exit::Text, moment::micros};

/// Bytes of a frame before the line's.
pub const HEAD: usize = 21;
/// What a kind has more when the line goes on.
pub const PARTIAL: u8 = 0x80;

const TAKEN: &CStr = c"log.taken";
/// How often a full spool looks for room, in microseconds.
const LOOK_AGAIN: i64 = 20_000;

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Standard output.
    Out = 1,
    /// Standard error.
    Err = 2,
    /// From here: something about the log itself.
    Note = 3,
}

/// A place between two frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// The next frame's sequence.
    pub sequence: u64,
}

impl Place {
    /// As it is written in `log.taken`; what can't be read is the beginning.
    pub fn read(text: &str) -> Self {
        let number = |text: &str| text.parse().ok();
        let read =
            text.split_once(' ').and_then(|(offset, sequence)| Some((number(offset)?, number(sequence)?)));
        let (offset, sequence) = read.unwrap_or((0, 0));
        Self { offset, sequence }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.offset, self.sequence)
    }
}

/// Begins a log with the frame that says what it is.
pub fn begin(log: BorrowedFd<'_>, about: &[u8]) -> rustix::io::Result<()> {
    frame(log, Place { offset: 0, sequence: 0 }, Kind::Note as u8, about).map(drop)
}

/// Where the lines go that a container writes.
pub struct Spool<'a> {
    log: BorrowedFd<'a>,
    folder: BorrowedFd<'a>,
    /// Where the next frame goes.
    next: Place,
    /// Bytes before this have been taken.
    taken: u64,
    most: u64,
    lost: u64,
    /// When it was last looked whether there is room again.
    looked: Option<i64>,
}

impl<'a> Spool<'a> {
    /// Goes on behind the frame with which a log has begun. `most` bytes are kept until they are taken.
    pub fn new(log: BorrowedFd<'a>, folder: BorrowedFd<'a>, most: u64) -> rustix::io::Result<Self> {
        let size = rustix::fs::fstat(log)?.st_size;
        let next = Place { offset: u64::try_from(size).unwrap_or(0), sequence: 1 };
        Ok(Self { log, folder, next, taken: 0, most, lost: 0, looked: None })
    }

    /// Keeps a line, or counts it as lost when there is no room for it.
    pub fn line(&mut self, kind: Kind, partial: bool, line: &[u8]) {
        let kind = kind as u8 | if partial { PARTIAL } else { 0 };
        if !self.has_room(line.len()) || !self.tell_losses() || !self.append(kind, line) {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Says how many lines were lost, if any were. False when that can't be said either.
    pub fn tell_losses(&mut self) -> bool {
        if self.lost == 0 {
            return true;
        }
        let told = self.append(Kind::Note as u8, Text::of(format_args!("{} lines lost", self.lost)).bytes());
        if told {
            self.lost = 0;
        }
        told
    }

    fn has_room(&mut self, line: usize) -> bool {
        let frame = (line + HEAD) as u64;
        let (end, most) = (self.next.offset, self.most);
        let fits = |taken: u64| end - taken + frame <= most;
        if fits(self.taken) {
            return true;
        }
        // A flood asks for each line; the file is not read that often.
        let now = micros(ClockId::Monotonic);
        if self.looked.is_some_and(|looked| now - looked < LOOK_AGAIN) {
            return false;
        }
        let taken = self.look().min(end);
        self.looked = (taken == self.taken).then_some(now);
        if taken > self.taken {
            // The disk gets back what has been taken; the numbers of what follows stay the same.
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(self.log, hole, 0, taken);
            self.taken = taken;
        }
        fits(self.taken)
    }

    fn look(&self) -> u64 {
        let mut text = [0; 64];
        let file = rustix::fs::openat(self.folder, TAKEN, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let read = file.and_then(|file| rustix::io::read(file, &mut text)).unwrap_or(0);
        let text = core::str::from_utf8(text.get(..read).unwrap_or_default());
        Place::read(text.unwrap_or_default()).offset
    }

    fn append(&mut self, kind: u8, line: &[u8]) -> bool {
        match frame(self.log, self.next, kind, line) {
            Ok(size) => {
                let Place { offset, sequence } = self.next;
                self.next = Place { offset: offset + size, sequence: sequence + 1 };
                true
            }
            Err(_) => {
                // The disk is full. What of the frame is there must not be taken for one.
                let _ = rustix::fs::ftruncate(self.log, self.next.offset);
                false
            }
        }
    }
}

/// Writes a frame in one piece, and says how long it is.
fn frame(log: BorrowedFd<'_>, at: Place, kind: u8, line: &[u8]) -> rustix::io::Result<u64> {
    let size = u32::try_from(line.len() + HEAD - 4).map_err(|_| Errno::TOOBIG)?;
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&size.to_le_bytes());
    head[4..12].copy_from_slice(&at.sequence.to_le_bytes());
    head[12..20].copy_from_slice(&micros(ClockId::Realtime).to_le_bytes());
    head[20] = kind;
    let written = rustix::io::pwritev(log, &[IoSlice::new(&head), IoSlice::new(line)], at.offset)?;
    if written == HEAD + line.len() { Ok(written as u64) } else { Err(Errno::NOSPC) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::{self, File, OpenOptions},
        os::fd::AsFd,
    };

    /// Kinds and texts of all frames in a file, checked for their order.
    fn frames(bytes: &[u8]) -> Vec<(u8, String)> {
        let (mut rest, mut found) = (bytes, Vec::new());
        while let Some((head, behind)) = rest.split_at_checked(HEAD) {
            let size = u32::from_le_bytes(head[..4].try_into().unwrap());
            assert_eq!(head[4..12], (found.len() as u64).to_le_bytes());
            let (line, behind) = behind.split_at(usize::try_from(size).unwrap() + 4 - HEAD);
            found.push((head[20], String::from_utf8(line.to_vec()).unwrap()));
            rest = behind;
        }
        assert!(rest.is_empty());
        found
    }

    #[test]
    fn what_does_not_fit_is_counted_and_told_when_there_is_room() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        let log = File::create(&path).unwrap();
        let folder = File::open(place.path()).unwrap();
        begin(log.as_fd(), b"{}").unwrap();
        let mut spool = Spool::new(log.as_fd(), folder.as_fd(), 400).unwrap();
        for _ in 0..20 {
            spool.line(Kind::Out, false, &[b'x'; 30]);
        }
        let kept = frames(&fs::read(&path).unwrap()).len() - 1;
        assert!(kept < 10, "{kept}");
        fs::write(place.path().join("log.taken"), spool.next.to_string()).unwrap();
        spool.looked = None;
        spool.line(Kind::Err, true, b"after");
        let mut bytes = fs::read(&path).unwrap();
        // What was taken is zeroes now.
        let taken = usize::try_from(spool.taken).unwrap();
        assert!(bytes[..taken].iter().all(|byte| *byte == 0));
        let head: Vec<u8> = (0..=kept as u64)
            .flat_map(|number| {
                let mut head = [0; HEAD];
                head[..4].copy_from_slice(&17u32.to_le_bytes());
                head[4..12].copy_from_slice(&number.to_le_bytes());
                head
            })
            .collect();
        bytes.splice(..taken, head);
        let told = (3, format!("{} lines lost", 20 - kept));
        assert_eq!(frames(&bytes)[kept + 1..], [told, (2 | PARTIAL, "after".to_owned())]);
    }

    #[test]
    fn a_full_disk_costs_lines_and_nothing_else() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let folder = File::open("/").unwrap();
        let mut spool = Spool::new(full.as_fd(), folder.as_fd(), 1 << 20).unwrap();
        for lost in 1..=3 {
            spool.line(Kind::Out, false, b"line");
            assert_eq!((spool.lost, spool.next.offset), (lost, 0));
        }
        let log = tempfile::tempfile().unwrap();
        spool.log = log.as_fd();
        spool.line(Kind::Out, false, b"there is room again");
        assert_eq!((spool.lost, spool.next.sequence), (0, 3));
    }
}
