//! The formats of a chunk: a byte with the number of the format, then the lines. All formats stay
//! readable.
//!
//! | format | content | written |
//! |---|---|---|
//! | 1 | a JSON array a line: position, instance, sequence, microseconds since 1970, `o`, `e` or `n` for the stream, true if it is partial, text | when lines arrive |
//! | 2 | the length of the first of two zstd frames (RFC 8878), as four bytes, the lowest first; [`LineHeader`] of each line, in JSON; the texts, each followed by a line feed | when lines are sealed |
//!
//! Format 2 separates texts from headers, so that a search does not unpack the headers of a chunk without a
//! match.

use std::{borrow::Cow, ops::Range};

use hearth_base::{Error, Result};
use hearth_wire::logs::LogsStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zstd::{bulk::Decompressor, zstd_safe};

use crate::pattern::Pattern;

const JSON_FORMAT: u8 = 1;
const ZSTD_FORMAT: u8 = 2;
/// The fastest zstd level that still compresses repeated parts of log lines.
const ZSTD_LEVEL: i32 = 1;
/// The maximum size of an unpacked frame in bytes: far more than any chunk holds.
const MAX_FRAME_BYTES: usize = 64 << 20;

/// A stored line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// Its position among the lines of its tool.
    pub position: i64,
    /// The number of the container.
    pub instance: i32,
    /// Its sequence number in the output of the container.
    pub sequence: u64,
    /// The time of writing.
    pub time: Timestamp,
    /// The stream that it was written to.
    pub stream: LogsStream,
    /// True if the next line of the container and stream continues it.
    pub partial: bool,
    /// Its text.
    pub text: String,
}

#[derive(Serialize, Deserialize)]
struct JsonLine<'a>(i64, i32, u64, i64, char, bool, #[serde(borrow)] Cow<'a, str>);

/// The header of a line: position, instance, sequence and microseconds, each as the difference to the previous
/// line (0 before the first); the stream; true if it is partial; the length of its text in bytes.
#[derive(Serialize, Deserialize)]
struct LineHeader(i64, i32, i64, i64, char, bool, usize);

/// Encodes lines that just arrived as a chunk in format 1.
pub fn encode_loose_chunk(lines: &[StoredLine]) -> Result<Vec<u8>> {
    let mut plain = vec![JSON_FORMAT];
    for line in lines {
        let StoredLine { position, instance, sequence, time, stream, partial, text } = line;
        let (letter, micros) = (to_stream_letter(*stream), time.as_microsecond());
        let written =
            JsonLine(*position, *instance, *sequence, micros, letter, *partial, text.as_str().into());
        serde_json::to_writer(&mut plain, &written).map_err(Error::internal)?;
        plain.push(b'\n');
    }
    Ok(plain)
}

/// Encodes lines as a sealed chunk in format 2.
pub fn encode_sealed_chunk(lines: &[StoredLine]) -> Result<Vec<u8>> {
    let mut headers = Vec::with_capacity(lines.len());
    let mut texts = Vec::new();
    let mut before = (0_i64, 0_i32, 0_i64, 0_i64);
    for line in lines {
        let StoredLine { position, instance, sequence, time, stream, partial, text } = line;
        let now = (*position, *instance, sequence.cast_signed(), time.as_microsecond());
        headers.push(LineHeader(
            now.0.wrapping_sub(before.0),
            now.1.wrapping_sub(before.1),
            now.2.wrapping_sub(before.2),
            now.3.wrapping_sub(before.3),
            to_stream_letter(*stream),
            *partial,
            text.len(),
        ));
        texts.extend_from_slice(text.as_bytes());
        texts.push(b'\n');
        before = now;
    }
    let headers = serde_json::to_vec(&headers).map_err(Error::internal)?;
    let headers = zstd::bulk::compress(&headers, ZSTD_LEVEL).map_err(Error::internal)?;
    let texts = zstd::bulk::compress(&texts, ZSTD_LEVEL).map_err(Error::internal)?;
    let length = u32::try_from(headers.len()).map_err(Error::internal)?;
    Ok([&[ZSTD_FORMAT][..], &length.to_le_bytes(), &headers, &texts].concat())
}

/// Decoder of chunks, which reuses its buffers.
#[derive(Default)]
pub struct ChunkReader {
    zstd: Decompressor<'static>,
    texts: Vec<u8>,
    headers: Vec<u8>,
}

impl ChunkReader {
    /// Reads the lines of a chunk: all of them, or those that match a pattern.
    pub fn read_lines(&mut self, content: &[u8], pattern: Option<&Pattern>) -> Result<Vec<StoredLine>> {
        match content.split_first() {
            Some((&ZSTD_FORMAT, sealed)) => self.read_sealed_chunk(sealed, pattern),
            _ => read_loose_chunk(content, pattern),
        }
    }

    fn read_sealed_chunk(&mut self, sealed: &[u8], pattern: Option<&Pattern>) -> Result<Vec<StoredLine>> {
        let invalid = || Error::internal("sealed chunk of lines is incomplete");
        let (length, frames) = sealed.split_first_chunk().ok_or_else(invalid)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(Error::internal)?;
        let (headers, texts) = frames.split_at_checked(length).ok_or_else(invalid)?;
        unpack_frame(&mut self.zstd, texts, &mut self.texts)?;
        let texts = std::str::from_utf8(&self.texts).map_err(Error::internal)?;
        let Some(first) = pattern.map_or(Some(0), |pattern| pattern.find_candidate(texts, 0)) else {
            return Ok(Vec::new());
        };
        unpack_frame(&mut self.zstd, headers, &mut self.headers)?;
        let headers: Vec<LineHeader> = serde_json::from_slice(&self.headers).map_err(Error::internal)?;
        let ranges = compute_text_ranges(&headers, texts).ok_or_else(invalid)?;
        let mut selected = vec![pattern.is_none(); ranges.len()];
        if let Some(pattern) = pattern {
            let mut candidate = Some(first);
            while let Some(position) = candidate {
                let number = ranges.partition_point(|range| range.end < position);
                let (Some(range), Some(selected)) = (ranges.get(number), selected.get_mut(number)) else {
                    break;
                };
                *selected = texts.get(range.clone()).is_some_and(|text| pattern.is_match(text));
                // A match must lie within one line: continue at the beginning of the next line.
                candidate = pattern.find_candidate(texts, range.end + 1);
            }
        }
        let mut at = (0_i64, 0_i32, 0_i64, 0_i64);
        let mut lines = Vec::new();
        for ((LineHeader(position, instance, sequence, micros, stream, partial, _), range), selected) in
            headers.into_iter().zip(ranges).zip(selected)
        {
            at = (
                at.0.wrapping_add(position),
                at.1.wrapping_add(instance),
                at.2.wrapping_add(sequence),
                at.3.wrapping_add(micros),
            );
            if selected {
                lines.push(StoredLine {
                    position: at.0,
                    instance: at.1,
                    sequence: at.2.cast_unsigned(),
                    time: Timestamp::from_microsecond(at.3).map_err(Error::internal)?,
                    stream: parse_stream_letter(stream)?,
                    partial,
                    text: texts.get(range).ok_or_else(invalid)?.to_owned(),
                });
            }
        }
        Ok(lines)
    }
}

/// Reads a chunk that is not sealed.
fn read_loose_chunk(content: &[u8], pattern: Option<&Pattern>) -> Result<Vec<StoredLine>> {
    let lines = match content.split_first() {
        Some((&JSON_FORMAT, plain)) => parse_json_lines(plain)?,
        _ => return Err(Error::internal("chunk of lines has an unknown format")),
    };
    Ok(match pattern {
        Some(pattern) => lines.into_iter().filter(|line| pattern.is_match(&line.text)).collect(),
        None => lines,
    })
}

/// Computes the range of each text. Returns `None` if the ranges do not cover `texts` exactly.
fn compute_text_ranges(headers: &[LineHeader], texts: &str) -> Option<Vec<Range<usize>>> {
    let mut from = 0_usize;
    let mut ranges = Vec::with_capacity(headers.len());
    for LineHeader(.., length) in headers {
        let until = from.checked_add(*length)?;
        ranges.push(from..until);
        from = until.checked_add(1)?;
    }
    (from == texts.len()).then_some(ranges)
}

/// Unpacks a frame into `to` and replaces its content. The frame has to hold its unpacked size.
fn unpack_frame(zstd: &mut Decompressor<'_>, frame: &[u8], to: &mut Vec<u8>) -> Result<()> {
    let size = zstd_safe::get_frame_content_size(frame).ok().flatten();
    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= MAX_FRAME_BYTES);
    let size = size.ok_or_else(|| Error::internal("frame of lines has no valid size"))?;
    to.clear();
    to.reserve(size);
    zstd.decompress_to_buffer(frame, to).map(drop).map_err(Error::internal)
}

fn parse_json_lines(plain: &[u8]) -> Result<Vec<StoredLine>> {
    let lines = plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read = lines.map(|line| {
        let written = serde_json::from_slice(line).map_err(Error::internal)?;
        let JsonLine(position, instance, sequence, micros, stream, partial, text) = written;
        let time = Timestamp::from_microsecond(micros).map_err(Error::internal)?;
        let stream = parse_stream_letter(stream)?;
        Ok(StoredLine { position, instance, sequence, time, stream, partial, text: text.into_owned() })
    });
    read.collect()
}

fn to_stream_letter(stream: LogsStream) -> char {
    match stream {
        LogsStream::Out => 'o',
        LogsStream::Err => 'e',
        LogsStream::Note => 'n',
    }
}

fn parse_stream_letter(letter: char) -> Result<LogsStream> {
    match letter {
        'o' => Ok(LogsStream::Out),
        'e' => Ok(LogsStream::Err),
        'n' => Ok(LogsStream::Note),
        _ => Err(Error::internal("line has an unknown stream")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], pattern: Option<&Pattern>) -> Result<Vec<StoredLine>> {
        ChunkReader::default().read_lines(content, pattern)
    }

    fn build_sample() -> Vec<StoredLine> {
        let time = "2026-05-04T12:00:00.000001Z".parse().unwrap();
        let out = StoredLine {
            position: 7,
            instance: 0,
            sequence: 1,
            time,
            stream: LogsStream::Out,
            partial: true,
            text: "a\0b\n\u{1b}[31m \"日本\"".to_owned(),
        };
        vec![out.clone(), StoredLine { position: 8, stream: LogsStream::Note, text: String::new(), ..out }]
    }

    #[test]
    fn written_lines_read_back_unchanged() -> Result<()> {
        assert_eq!(read(&encode_loose_chunk(&build_sample())?, None)?, build_sample());
        assert_eq!(read(&encode_sealed_chunk(&build_sample())?, None)?, build_sample());
        Ok(())
    }

    /// The chunks that releases have written. They never change.
    #[test]
    fn chunks_of_every_release_are_readable() -> Result<()> {
        let plain = b"\x01[7,0,1,1777896000000001,\"o\",true,\"a\\u0000b\\n\\u001b[31m \\\"\xe6\x97\xa5\xe6\x9c\xac\\\"\"]\n[8,0,1,1777896000000001,\"n\",true,\"\"]\n";
        assert_eq!(read(plain, None)?, build_sample());
        assert_eq!(encode_loose_chunk(&build_sample())?, plain);
        assert_eq!(read(include_bytes!("golden/sealed-chunk-2"), None)?, build_sample());
        Ok(())
    }

    #[test]
    fn search_finds_the_same_lines_in_every_format() -> Result<()> {
        let texts = ["error: one", "two\nerror", "", "x error", "error", "e\trror", "tail é"];
        let template = &build_sample()[0];
        let line = |(position, text): (i64, &str)| StoredLine {
            position,
            text: text.to_owned(),
            ..template.clone()
        };
        let lines: Vec<StoredLine> = (7..).zip(texts).map(line).collect();
        for (regex, expected) in [
            ("^error", &["error: one", "two\nerror", "error"][..]),
            ("error$", &["two\nerror", "x error", "error"]),
            ("^$", &[""]),
            (r"one\s+two", &[]),
            (r"e\s+r", &["e\trror"]),
            ("É", &[]),
            ("(?i)É", &["tail é"]),
        ] {
            let pattern = Pattern::from_regex(regex)?;
            for content in [encode_loose_chunk(&lines)?, encode_sealed_chunk(&lines)?] {
                let found = read(&content, Some(&pattern))?;
                let found: Vec<&str> = found.iter().map(|line| line.text.as_str()).collect();
                assert_eq!(found, expected, "{regex}");
            }
        }
        Ok(())
    }

    #[test]
    fn invalid_bytes_are_an_error() {
        let mut cut = encode_sealed_chunk(&build_sample()).unwrap();
        cut.pop();
        let long = [2, 0xff, 0xff, 0xff, 0xff, 0];
        let plain: [&[u8]; 6] = [b"", b"\x03", b"\x03\x00", b"\x01[1]", b"\x01{", &[1, 0xff, 0xfe]];
        for bytes in plain.into_iter().chain([&b"\x02"[..], b"\x02\0\0\0\0", &long, &cut]) {
            assert!(read(bytes, None).is_err(), "{bytes:?}");
        }
    }
}
