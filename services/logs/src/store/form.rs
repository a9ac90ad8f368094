//! Lines as they lie in a chunk: a byte that says which form it is, then the lines. The forms stay readable for
//! ever.
//!
//! | form | what follows | written |
//! |---|---|---|
//! | 1 | a JSON array a line: position, instance, sequence, microseconds since 1970, `o`, `e` or `n` for the stream, whether it is partial, text | as lines arrive |
//! | 2 | form 1 in a zlib stream (RFC 1950) | no more |
//! | 3 | the length of the first of two zstd frames (RFC 8878), as four bytes, the lowest first; [`Beside`] for each line, in JSON; the texts, each with a line feed behind it | when lines are sealed |
//!
//! Form 3 keeps texts apart from what is known of them, so that a search reads nothing else of a chunk without a hit.

use std::{borrow::Cow, io::Read, ops::Range};

use flate2::read::ZlibDecoder;
use hearth_base::{Error, Result};
use hearth_wire::logs::LogsStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zstd::{bulk::Decompressor, zstd_safe};

use crate::pattern::Pattern;

const PLAIN: u8 = 1;
const PRESSED: u8 = 2;
const SEALED: u8 = 3;
/// zstd's fastest level that still finds what log lines have in common.
const LEVEL: i32 = 1;
/// The most that a frame unpacks to: far more than any chunk holds.
const FRAME: usize = 64 << 20;

/// A line that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place among the lines of its tool.
    pub position: i64,
    /// The number of the container.
    pub instance: i32,
    /// Its place in what that container wrote.
    pub sequence: u64,
    /// When it was written.
    pub time: Timestamp,
    /// Where it was written.
    pub stream: LogsStream,
    /// It goes on in the next one of that container and stream.
    pub partial: bool,
    /// Its text.
    pub text: String,
}

#[derive(Serialize, Deserialize)]
struct Written<'a>(i64, i32, u64, i64, char, bool, #[serde(borrow)] Cow<'a, str>);

/// What is known of a line beside its text: what is added to the position, the instance, the sequence and the
/// microseconds of the line before, beginning with 0; the stream; whether it is partial; how many bytes of text.
#[derive(Serialize, Deserialize)]
struct Beside(i64, i32, i64, i64, char, bool, usize);

/// Writes lines as they arrive.
pub fn write(lines: &[Line]) -> Result<Vec<u8>> {
    let mut plain = vec![PLAIN];
    for line in lines {
        let Line { position, instance, sequence, time, stream, partial, text } = line;
        let (letter, micros) = (letter(*stream), time.as_microsecond());
        let written =
            Written(*position, *instance, *sequence, micros, letter, *partial, text.as_str().into());
        serde_json::to_writer(&mut plain, &written).map_err(Error::internal)?;
        plain.push(b'\n');
    }
    Ok(plain)
}

/// Writes lines that stay as they are.
pub fn seal(lines: &[Line]) -> Result<Vec<u8>> {
    let mut beside = Vec::with_capacity(lines.len());
    let mut texts = Vec::new();
    let mut before = (0_i64, 0_i32, 0_i64, 0_i64);
    for line in lines {
        let Line { position, instance, sequence, time, stream, partial, text } = line;
        let now = (*position, *instance, sequence.cast_signed(), time.as_microsecond());
        beside.push(Beside(
            now.0.wrapping_sub(before.0),
            now.1.wrapping_sub(before.1),
            now.2.wrapping_sub(before.2),
            now.3.wrapping_sub(before.3),
            letter(*stream),
            *partial,
            text.len(),
        ));
        texts.extend_from_slice(text.as_bytes());
        texts.push(b'\n');
        before = now;
    }
    let beside = serde_json::to_vec(&beside).map_err(Error::internal)?;
    let beside = zstd::bulk::compress(&beside, LEVEL).map_err(Error::internal)?;
    let texts = zstd::bulk::compress(&texts, LEVEL).map_err(Error::internal)?;
    let length = u32::try_from(beside.len()).map_err(Error::internal)?;
    Ok([&[SEALED][..], &length.to_le_bytes(), &beside, &texts].concat())
}

/// Reads one chunk after the other, in the same memory.
#[derive(Default)]
pub struct Unpacker {
    zstd: Decompressor<'static>,
    texts: Vec<u8>,
    beside: Vec<u8>,
}

impl Unpacker {
    /// The lines of a chunk: all of them, or those that a pattern finds.
    pub fn read(&mut self, content: &[u8], pattern: Option<&Pattern>) -> Result<Vec<Line>> {
        match content.split_first() {
            Some((&SEALED, sealed)) => self.unseal(sealed, pattern),
            _ => loose(content, pattern),
        }
    }

    fn unseal(&mut self, sealed: &[u8], pattern: Option<&Pattern>) -> Result<Vec<Line>> {
        let wrong = || Error::internal("a sealed chunk of lines is not whole");
        let (length, frames) = sealed.split_first_chunk().ok_or_else(wrong)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(Error::internal)?;
        let (beside, texts) = frames.split_at_checked(length).ok_or_else(wrong)?;
        unpack(&mut self.zstd, texts, &mut self.texts)?;
        let texts = std::str::from_utf8(&self.texts).map_err(Error::internal)?;
        let Some(first) = pattern.map_or(Some(0), |pattern| pattern.candidate(texts, 0)) else {
            return Ok(Vec::new());
        };
        unpack(&mut self.zstd, beside, &mut self.beside)?;
        let beside: Vec<Beside> = serde_json::from_slice(&self.beside).map_err(Error::internal)?;
        let spans = spans(&beside, texts).ok_or_else(wrong)?;
        let mut wanted = vec![pattern.is_none(); spans.len()];
        if let Some(pattern) = pattern {
            let mut candidate = Some(first);
            while let Some(place) = candidate {
                let number = spans.partition_point(|span| span.end < place);
                let (Some(span), Some(wanted)) = (spans.get(number), wanted.get_mut(number)) else { break };
                *wanted = texts.get(span.clone()).is_some_and(|text| pattern.finds(text));
                // What is found across a line's end is not in a line: the next one is looked at from its beginning.
                candidate = pattern.candidate(texts, span.end + 1);
            }
        }
        let mut at = (0_i64, 0_i32, 0_i64, 0_i64);
        let mut lines = Vec::new();
        for ((Beside(position, instance, sequence, micros, stream, partial, _), span), wanted) in
            beside.into_iter().zip(spans).zip(wanted)
        {
            at = (
                at.0.wrapping_add(position),
                at.1.wrapping_add(instance),
                at.2.wrapping_add(sequence),
                at.3.wrapping_add(micros),
            );
            if wanted {
                lines.push(Line {
                    position: at.0,
                    instance: at.1,
                    sequence: at.2.cast_unsigned(),
                    time: Timestamp::from_microsecond(at.3).map_err(Error::internal)?,
                    stream: stream_of(stream)?,
                    partial,
                    text: texts.get(span).ok_or_else(wrong)?.to_owned(),
                });
            }
        }
        Ok(lines)
    }
}

/// Of a chunk that is not sealed.
fn loose(content: &[u8], pattern: Option<&Pattern>) -> Result<Vec<Line>> {
    let lines = match content.split_first() {
        Some((&PLAIN, plain)) => lines(plain)?,
        Some((&PRESSED, pressed)) => {
            let mut plain = Vec::new();
            let mut decoder = ZlibDecoder::new(pressed).take(FRAME as u64);
            decoder.read_to_end(&mut plain).map_err(Error::internal)?;
            lines(&plain)?
        }
        _ => return Err(Error::internal("a chunk of lines is in no form that this release knows")),
    };
    Ok(match pattern {
        Some(pattern) => lines.into_iter().filter(|line| pattern.finds(&line.text)).collect(),
        None => lines,
    })
}

/// Where each text lies; none when they do not fill what is there.
fn spans(beside: &[Beside], texts: &str) -> Option<Vec<Range<usize>>> {
    let mut from = 0_usize;
    let mut spans = Vec::with_capacity(beside.len());
    for Beside(.., length) in beside {
        let until = from.checked_add(*length)?;
        spans.push(from..until);
        from = until.checked_add(1)?;
    }
    (from == texts.len()).then_some(spans)
}

/// Unpacks a frame, which says how much is in it, in place of what was in `to`.
fn unpack(zstd: &mut Decompressor<'_>, frame: &[u8], to: &mut Vec<u8>) -> Result<()> {
    let size = zstd_safe::get_frame_content_size(frame).ok().flatten();
    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= FRAME);
    let size = size.ok_or_else(|| Error::internal("a frame of lines does not say how much is in it"))?;
    to.clear();
    to.reserve(size);
    zstd.decompress_to_buffer(frame, to).map(drop).map_err(Error::internal)
}

fn lines(plain: &[u8]) -> Result<Vec<Line>> {
    let lines = plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read = lines.map(|line| {
        let written = serde_json::from_slice(line).map_err(Error::internal)?;
        let Written(position, instance, sequence, micros, stream, partial, text) = written;
        let time = Timestamp::from_microsecond(micros).map_err(Error::internal)?;
        let stream = stream_of(stream)?;
        Ok(Line { position, instance, sequence, time, stream, partial, text: text.into_owned() })
    });
    read.collect()
}

fn letter(stream: LogsStream) -> char {
    match stream {
        LogsStream::Out => 'o',
        LogsStream::Err => 'e',
        LogsStream::Note => 'n',
    }
}

fn stream_of(letter: char) -> Result<LogsStream> {
    match letter {
        'o' => Ok(LogsStream::Out),
        'e' => Ok(LogsStream::Err),
        'n' => Ok(LogsStream::Note),
        _ => Err(Error::internal("a line was written nowhere that this release knows")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], pattern: Option<&Pattern>) -> Result<Vec<Line>> {
        Unpacker::default().read(content, pattern)
    }

    fn sample() -> Vec<Line> {
        let time = "2026-05-04T12:00:00.000001Z".parse().unwrap();
        let out = Line {
            position: 7,
            instance: 0,
            sequence: 1,
            time,
            stream: LogsStream::Out,
            partial: true,
            text: "a\0b\n\u{1b}[31m \"日本\"".to_owned(),
        };
        vec![out.clone(), Line { position: 8, stream: LogsStream::Note, text: String::new(), ..out }]
    }

    #[test]
    fn lines_read_back_as_they_were() -> Result<()> {
        assert_eq!(read(&write(&sample())?, None)?, sample());
        assert_eq!(read(&seal(&sample())?, None)?, sample());
        Ok(())
    }

    /// What releases have written: these texts never change.
    #[test]
    fn what_was_written_by_every_release_is_read() -> Result<()> {
        let plain = b"\x01[7,0,1,1777896000000001,\"o\",true,\"a\\u0000b\\n\\u001b[31m \\\"\xe6\x97\xa5\xe6\x9c\xac\\\"\"]\n[8,0,1,1777896000000001,\"n\",true,\"\"]\n";
        assert_eq!(read(plain, None)?, sample());
        assert_eq!(write(&sample())?, plain);
        for golden in [&include_bytes!("golden/form-2")[..], include_bytes!("golden/form-3")] {
            assert_eq!(read(golden, None)?, sample());
        }
        Ok(())
    }

    #[test]
    fn the_same_lines_are_found_in_every_form() -> Result<()> {
        let texts = ["error: one", "two\nerror", "", "x error", "error", "e\trror", "tail é"];
        let template = &sample()[0];
        let line =
            |(position, text): (i64, &str)| Line { position, text: text.to_owned(), ..template.clone() };
        let lines: Vec<Line> = (7..).zip(texts).map(line).collect();
        for (regex, expected) in [
            ("^error", &["error: one", "two\nerror", "error"][..]),
            ("error$", &["two\nerror", "x error", "error"]),
            ("^$", &[""]),
            (r"one\s+two", &[]),
            (r"e\s+r", &["e\trror"]),
            ("É", &[]),
            ("(?i)É", &["tail é"]),
        ] {
            let pattern = Pattern::regex(regex)?;
            for content in [write(&lines)?, seal(&lines)?] {
                let found = read(&content, Some(&pattern))?;
                let found: Vec<&str> = found.iter().map(|line| line.text.as_str()).collect();
                assert_eq!(found, expected, "{regex}");
            }
        }
        Ok(())
    }

    #[test]
    fn strange_bytes_are_an_error_and_nothing_worse() {
        let mut cut = seal(&sample()).unwrap();
        cut.pop();
        let long = [3, 0xff, 0xff, 0xff, 0xff, 0];
        let plain: [&[u8]; 6] = [b"", b"\x04", b"\x02\x00", b"\x01[1]", b"\x01{", &[1, 0xff, 0xfe]];
        for bytes in plain.into_iter().chain([&b"\x03"[..], b"\x03\0\0\0\0", &long, &cut]) {
            assert!(read(bytes, None).is_err(), "{bytes:?}");
        }
    }
}
