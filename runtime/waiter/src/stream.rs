//! Splits one of a container's two output streams into lines.

use rustix::{fd::BorrowedFd, fs::OFlags, io::Errno};

use crate::spool::{LineSource, LogSpool};

/// Maximum length of a line. A longer one is split.
pub const MAX_LINE_BYTES: usize = 16 << 10;
/// Buffer size of a stream: a line with its line feed.
pub const STREAM_BUFFER_BYTES: usize = MAX_LINE_BYTES + 1;

/// Maximum number of reads of one stream before the other one is read, so that a continuous writer does not
/// starve it.
const MAX_READS_PER_TURN: u32 = 32;

/// One output stream; see the module.
pub struct LineStream<'a> {
    pub fd: BorrowedFd<'a>,
    /// A process can still write to it.
    pub open: bool,
    kind: LineSource,
    /// Starts with the bytes of the incomplete last line.
    buffer: &'a mut [u8; STREAM_BUFFER_BYTES],
    filled: usize,
}

impl<'a> LineStream<'a> {
    pub fn new(
        fd: BorrowedFd<'a>,
        kind: LineSource,
        buffer: &'a mut [u8; STREAM_BUFFER_BYTES],
    ) -> rustix::io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(fd)?;
        rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK)?;
        Ok(Self { fd, open: true, kind, buffer, filled: 0 })
    }

    /// Reads the available output.
    pub fn drain(&mut self, spool: &mut LogSpool<'_>) {
        for _ in 0..MAX_READS_PER_TURN {
            match rustix::io::read(self.fd, &mut self.buffer[self.filled..]) {
                Ok(read) if read > 0 => self.cut_lines(read, spool),
                Err(Errno::AGAIN | Errno::INTR) => return,
                _ => {
                    self.open = false;
                    return;
                }
            }
        }
    }

    /// Appends all complete lines to the spool, after `read` new bytes.
    fn cut_lines(&mut self, read: usize, spool: &mut LogSpool<'_>) {
        let mut looked = self.filled;
        self.filled += read;
        let mut from = 0;
        while let Some(length) = self.buffer[looked..self.filled].iter().position(|byte| *byte == b'\n') {
            spool.append_line(self.kind, false, &self.buffer[from..looked + length]);
            looked += length + 1;
            from = looked;
        }
        if self.filled - from > MAX_LINE_BYTES {
            let piece = find_character_boundary(&self.buffer[from..=from + MAX_LINE_BYTES]);
            spool.append_line(self.kind, true, &self.buffer[from..from + piece]);
            from += piece;
        }
        if from > 0 {
            self.buffer.copy_within(from..self.filled, 0);
        }
        self.filled -= from;
    }

    /// Appends the incomplete last line, at the end of the stream.
    pub fn flush_rest(&mut self, spool: &mut LogSpool<'_>) {
        if self.filled > 0 {
            spool.append_line(self.kind, false, &self.buffer[..self.filled]);
            self.filled = 0;
        }
    }
}

/// The number of bytes before the character that contains the last byte (UTF-8, RFC 3629, section 3); all but
/// the last byte if the bytes are not UTF-8.
fn find_character_boundary(bytes: &[u8]) -> usize {
    let last = bytes.len() - 1;
    let begins = |at: &usize| bytes[*at] & 0b1100_0000 != 0b1000_0000;
    (last.saturating_sub(3)..=last).rev().find(begins).filter(|at| *at > 0).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{FRAME_HEADER_BYTES, PARTIAL_LINE_BIT};
    use std::{
        fs::{self, File},
        io::Write,
        os::fd::AsFd,
    };

    /// Sends `pieces` through a pipe, one after the other. Returns length and continuation flag of the
    /// resulting lines.
    fn cut_pieces(pieces: &[&[u8]]) -> Vec<(usize, bool)> {
        let place = tempfile::tempdir().unwrap();
        let log = File::create(place.path().join("log")).unwrap();
        let folder = File::open(place.path()).unwrap();
        let mut spool = LogSpool::new(log.as_fd(), folder.as_fd(), 1 << 20).unwrap();
        let (from, to) = rustix::pipe::pipe().unwrap();
        let mut to = File::from(to);
        let mut buffer = [0; STREAM_BUFFER_BYTES];
        let mut stream = LineStream::new(from.as_fd(), LineSource::Out, &mut buffer).unwrap();
        for piece in pieces {
            to.write_all(piece).unwrap();
            stream.drain(&mut spool);
            assert!(stream.open);
        }
        drop(to);
        stream.drain(&mut spool);
        assert!(!stream.open);
        stream.flush_rest(&mut spool);
        let bytes = fs::read(place.path().join("log")).unwrap();
        let (mut rest, mut lines) = (bytes.as_slice(), Vec::new());
        while !rest.is_empty() {
            let size = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize + 4;
            lines.push((size - FRAME_HEADER_BYTES, rest[20] & PARTIAL_LINE_BIT != 0));
            rest = &rest[size..];
        }
        lines
    }

    #[test]
    fn lines_are_cut_wherever_the_pieces_end() {
        assert_eq!(
            cut_pieces(&[b"one\ntw", b"o\n\n", b"end"]),
            [(3, false), (3, false), (0, false), (3, false)]
        );
        assert_eq!(cut_pieces(&[b"a", b"b", b"\n", b"\n"]), [(2, false), (0, false)]);
        assert_eq!(cut_pieces(&[]), []);
    }

    #[test]
    fn a_line_of_any_length_comes_in_pieces_of_the_longest() {
        let line = |length: usize| [&vec![b'x'; length][..], b"\n"].concat();
        assert_eq!(cut_pieces(&[&line(MAX_LINE_BYTES)]), [(MAX_LINE_BYTES, false)]);
        assert_eq!(cut_pieces(&[&line(MAX_LINE_BYTES + 1)]), [(MAX_LINE_BYTES, true), (1, false)]);
        assert_eq!(
            cut_pieces(&[&line(2 * MAX_LINE_BYTES + 3), b"y\n"]),
            [(MAX_LINE_BYTES, true), (MAX_LINE_BYTES, true), (3, false), (1, false)]
        );
        assert_eq!(cut_pieces(&[&line(MAX_LINE_BYTES)[..MAX_LINE_BYTES], b"\n"]), [(MAX_LINE_BYTES, false)]);
    }

    #[test]
    fn no_character_is_cut() {
        for before in 0..4 {
            let line =
                [&vec![b'x'; before][..], "é€🔥".repeat(MAX_LINE_BYTES / 9 + 1).as_bytes(), b"\n"].concat();
            let pieces = cut_pieces(&[&line]);
            let (first, partial) = pieces[0];
            assert!(
                partial && first > MAX_LINE_BYTES - 4 && str::from_utf8(&line[..first]).is_ok(),
                "{pieces:?}"
            );
            assert_eq!(pieces.iter().map(|(length, _)| length).sum::<usize>(), line.len() - 1);
        }
        let no_text = [&[0x80; MAX_LINE_BYTES + 5][..], b"\n"].concat();
        assert_eq!(cut_pieces(&[&no_text]), [(MAX_LINE_BYTES, true), (5, false)]);
    }
}
