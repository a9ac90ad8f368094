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
    /// Time after which an incomplete line is appended as a partial line, in microseconds: a prompt or a progress
    /// bar is seen although its line does not end.
    partial_line_delay: Option<u64>,
    /// Time on the monotonic clock at which the incomplete last line is due as a partial line.
    partial_due: Option<i64>,
    /// The last appended line is partial and waits for its continuation.
    continued: bool,
}

impl<'a> LineStream<'a> {
    pub fn new(
        fd: BorrowedFd<'a>,
        kind: LineSource,
        buffer: &'a mut [u8; STREAM_BUFFER_BYTES],
        partial_line_delay: Option<u64>,
    ) -> rustix::io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(fd)?;
        rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK)?;
        Ok(Self {
            fd,
            open: true,
            kind,
            buffer,
            filled: 0,
            partial_line_delay,
            partial_due: None,
            continued: false,
        })
    }

    /// Reads the available output at the time `now` on the monotonic clock, and appends an incomplete line that is
    /// due.
    pub fn drain(&mut self, now: i64, spool: &mut LogSpool<'_>) {
        spool.set_time(now);
        for _ in 0..MAX_READS_PER_TURN {
            match rustix::io::read(self.fd, &mut self.buffer[self.filled..]) {
                Ok(read) if read > 0 => self.cut_lines(read, spool),
                Err(Errno::AGAIN | Errno::INTR) => break,
                _ => {
                    self.open = false;
                    break;
                }
            }
        }
        if !self.open {
            self.flush_rest(spool);
        }
        match self.partial_due {
            _ if self.filled == 0 => self.partial_due = None,
            None => {
                let delay = self.partial_line_delay.and_then(|delay| i64::try_from(delay).ok());
                self.partial_due = delay.map(|delay| now.saturating_add(delay));
            }
            Some(due) if due <= now => self.append_partial(spool),
            Some(_) => {}
        }
    }

    /// The time on the monotonic clock at which an incomplete line is due.
    pub fn partial_due(&self) -> Option<i64> {
        self.partial_due
    }

    /// Appends the complete characters of the incomplete last line as a partial line.
    fn append_partial(&mut self, spool: &mut LogSpool<'_>) {
        self.partial_due = None;
        let piece = count_complete_characters(&self.buffer[..self.filled]);
        if piece > 0 {
            spool.append_line(self.kind, true, &self.buffer[..piece]);
            self.buffer.copy_within(piece..self.filled, 0);
            self.filled -= piece;
            self.continued = true;
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
            (self.continued, self.partial_due) = (false, None);
        }
        if self.filled - from > MAX_LINE_BYTES {
            let piece = find_character_boundary(&self.buffer[from..=from + MAX_LINE_BYTES]);
            spool.append_line(self.kind, true, &self.buffer[from..from + piece]);
            from += piece;
            self.continued = true;
        }
        if from > 0 {
            self.buffer.copy_within(from..self.filled, 0);
        }
        self.filled -= from;
    }

    /// Appends the incomplete last line, at the end of the stream.
    pub fn flush_rest(&mut self, spool: &mut LogSpool<'_>) {
        if self.filled > 0 || self.continued {
            spool.append_line(self.kind, false, &self.buffer[..self.filled]);
            (self.filled, self.continued) = (0, false);
        }
    }
}

/// The number of bytes without an incomplete last character (UTF-8, RFC 3629, section 3); all bytes if they are
/// not UTF-8, or if nothing else is there.
fn count_complete_characters(bytes: &[u8]) -> usize {
    match core::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        _ => bytes.len(),
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

    const DELAY_MICROS: u64 = 500_000;

    /// Sends `pieces` through a pipe, one right after the other. Returns length and continuation flag of the
    /// resulting lines.
    fn cut_pieces(pieces: &[&[u8]]) -> Vec<(usize, bool)> {
        cut_paused_pieces(pieces, 0)
    }

    /// Sends `pieces` through a pipe with a pause of this many microseconds after each.
    fn cut_paused_pieces(pieces: &[&[u8]], pause: i64) -> Vec<(usize, bool)> {
        let mut now = 0;
        let place = tempfile::tempdir().unwrap();
        let log = File::create(place.path().join("log")).unwrap();
        let folder = File::open(place.path()).unwrap();
        let mut spool = LogSpool::new(log.as_fd(), folder.as_fd(), 1 << 20).unwrap();
        let (from, to) = rustix::pipe::pipe().unwrap();
        let mut to = File::from(to);
        let mut buffer = [0; STREAM_BUFFER_BYTES];
        let mut stream =
            LineStream::new(from.as_fd(), LineSource::Out, &mut buffer, Some(DELAY_MICROS)).unwrap();
        for piece in pieces {
            to.write_all(piece).unwrap();
            stream.drain(now, &mut spool);
            now += pause;
            stream.drain(now, &mut spool);
            assert!(stream.open);
        }
        drop(to);
        stream.drain(now, &mut spool);
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
    fn line_without_an_end_is_partial_after_its_delay_and_completed_by_the_rest() {
        let pause = DELAY_MICROS.cast_signed();
        assert_eq!(cut_paused_pieces(&[b"prompt> "], pause), [(8, true), (0, false)]);
        assert_eq!(cut_paused_pieces(&[b"one", b"two\nthree\n"], pause), [(3, true), (3, false), (5, false)]);
        assert_eq!(cut_paused_pieces(&[b"one", b"two\n"], pause - 1), [(6, false)]);
        assert_eq!(cut_paused_pieces(&[b"one\n"], pause), [(3, false)]);
    }

    #[test]
    fn partial_line_ends_with_a_complete_character() {
        let euro = "€".as_bytes();
        let pieces: [&[u8]; 2] = [&[b"a", &euro[..2]].concat(), &[&euro[2..], b"\n"].concat()];
        assert_eq!(cut_paused_pieces(&pieces, DELAY_MICROS.cast_signed()), [(1, true), (3, false)]);
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
