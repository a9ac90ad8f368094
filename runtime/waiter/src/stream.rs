//! One of the two streams that a container writes, cut into lines.

use rustix::{fd::BorrowedFd, fs::OFlags, io::Errno};

use crate::spool::{Kind, Spool};

/// A longer line comes in pieces.
pub const LONGEST: usize = 16 << 10;
/// The memory that a stream needs: a line with its end.
pub const ROOM: usize = LONGEST + 1;

/// Reads of one stream before the other's turn: a writer that never stops must not keep it from being read.
const TURN: u32 = 32;

/// See the module.
pub struct Stream<'a> {
    pub fd: BorrowedFd<'a>,
    /// Whoever can write into it is still there.
    pub open: bool,
    kind: Kind,
    /// Begins with what was read and is no whole line yet.
    room: &'a mut [u8; ROOM],
    filled: usize,
}

impl<'a> Stream<'a> {
    pub fn new(fd: BorrowedFd<'a>, kind: Kind, room: &'a mut [u8; ROOM]) -> rustix::io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(fd)?;
        rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK)?;
        Ok(Self { fd, open: true, kind, room, filled: 0 })
    }

    /// Takes what there is to read.
    pub fn drain(&mut self, spool: &mut Spool<'_>) {
        for _ in 0..TURN {
            match rustix::io::read(self.fd, &mut self.room[self.filled..]) {
                Ok(read) if read > 0 => self.cut(read, spool),
                Err(Errno::AGAIN | Errno::INTR) => return,
                _ => {
                    self.open = false;
                    return;
                }
            }
        }
    }

    /// Cuts off all lines that are whole now, with `read` bytes more.
    fn cut(&mut self, read: usize, spool: &mut Spool<'_>) {
        let mut looked = self.filled;
        self.filled += read;
        let mut from = 0;
        while let Some(length) = self.room[looked..self.filled].iter().position(|byte| *byte == b'\n') {
            spool.line(self.kind, false, &self.room[from..looked + length]);
            looked += length + 1;
            from = looked;
        }
        if self.filled - from > LONGEST {
            let piece = whole_characters(&self.room[from..=from + LONGEST]);
            spool.line(self.kind, true, &self.room[from..from + piece]);
            from += piece;
        }
        if from > 0 {
            self.room.copy_within(from..self.filled, 0);
        }
        self.filled -= from;
    }

    /// Keeps what came behind the last line's end.
    pub fn finish(&mut self, spool: &mut Spool<'_>) {
        if self.filled > 0 {
            spool.line(self.kind, false, &self.room[..self.filled]);
            self.filled = 0;
        }
    }
}

/// How many bytes come before the character that the last byte is of (UTF-8, RFC 3629, section 3); all but the last,
/// when these bytes are no text.
fn whole_characters(bytes: &[u8]) -> usize {
    let last = bytes.len() - 1;
    let begins = |at: &usize| bytes[*at] & 0b1100_0000 != 0b1000_0000;
    (last.saturating_sub(3)..=last).rev().find(begins).filter(|at| *at > 0).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{HEAD, PARTIAL};
    use std::{
        fs::{self, File},
        io::Write,
        os::fd::AsFd,
    };

    /// Brings `pieces` through a pipe, one after the other, and says how long the lines are that come of it.
    fn cut(pieces: &[&[u8]]) -> Vec<(usize, bool)> {
        let place = tempfile::tempdir().unwrap();
        let log = File::create(place.path().join("log")).unwrap();
        let folder = File::open(place.path()).unwrap();
        let mut spool = Spool::new(log.as_fd(), folder.as_fd(), 1 << 20).unwrap();
        let (from, to) = rustix::pipe::pipe().unwrap();
        let mut to = File::from(to);
        let mut room = [0; ROOM];
        let mut stream = Stream::new(from.as_fd(), Kind::Out, &mut room).unwrap();
        for piece in pieces {
            to.write_all(piece).unwrap();
            stream.drain(&mut spool);
            assert!(stream.open);
        }
        drop(to);
        stream.drain(&mut spool);
        assert!(!stream.open);
        stream.finish(&mut spool);
        let bytes = fs::read(place.path().join("log")).unwrap();
        let (mut rest, mut lines) = (bytes.as_slice(), Vec::new());
        while !rest.is_empty() {
            let size = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize + 4;
            lines.push((size - HEAD, rest[20] & PARTIAL != 0));
            rest = &rest[size..];
        }
        lines
    }

    #[test]
    fn lines_are_cut_wherever_the_pieces_end() {
        assert_eq!(cut(&[b"one\ntw", b"o\n\n", b"end"]), [(3, false), (3, false), (0, false), (3, false)]);
        assert_eq!(cut(&[b"a", b"b", b"\n", b"\n"]), [(2, false), (0, false)]);
        assert_eq!(cut(&[]), []);
    }

    #[test]
    fn a_line_of_any_length_comes_in_pieces_of_the_longest() {
        let line = |length: usize| [&vec![b'x'; length][..], b"\n"].concat();
        assert_eq!(cut(&[&line(LONGEST)]), [(LONGEST, false)]);
        assert_eq!(cut(&[&line(LONGEST + 1)]), [(LONGEST, true), (1, false)]);
        assert_eq!(
            cut(&[&line(2 * LONGEST + 3), b"y\n"]),
            [(LONGEST, true), (LONGEST, true), (3, false), (1, false)]
        );
        assert_eq!(cut(&[&line(LONGEST)[..LONGEST], b"\n"]), [(LONGEST, false)]);
    }

    #[test]
    fn no_character_is_cut() {
        for before in 0..4 {
            let line = [&vec![b'x'; before][..], "é€🔥".repeat(LONGEST / 9 + 1).as_bytes(), b"\n"].concat();
            let pieces = cut(&[&line]);
            let (first, partial) = pieces[0];
            assert!(partial && first > LONGEST - 4 && str::from_utf8(&line[..first]).is_ok(), "{pieces:?}");
            assert_eq!(pieces.iter().map(|(length, _)| length).sum::<usize>(), line.len() - 1);
        }
        let no_text = [&[0x80; LONGEST + 5][..], b"\n"].concat();
        assert_eq!(cut(&[&no_text]), [(LONGEST, true), (5, false)]);
    }
}
