//! Lines as they lie in a chunk: a byte that says which form it is, then the lines. The forms stay readable for
//! ever.
//!
//! Form 1 is a JSON array a line: position, instance, sequence, microseconds since 1970, `o`, `e` or `n` for the
//! stream, whether it is partial, text. Form 2 is form 1 in a zlib stream (RFC 1950).

use std::io::{Read, Write};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use hearth_base::{Error, Result};
use hearth_wire::logs::LogsStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const PLAIN: u8 = 1;
const PRESSED: u8 = 2;

/// A line that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place in the log.
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
struct Written<'a>(i64, i32, u64, i64, char, bool, #[serde(borrow)] std::borrow::Cow<'a, str>);

/// Writes lines plainly, or pressed.
pub fn write(lines: &[Line], press: bool) -> Result<Vec<u8>> {
    let mut plain = Vec::new();
    for line in lines {
        let Line { position, instance, sequence, time, stream, partial, text } = line;
        let stream = letter(*stream);
        let micros = time.as_microsecond();
        let written =
            Written(*position, *instance, *sequence, micros, stream, *partial, text.as_str().into());
        serde_json::to_writer(&mut plain, &written).map_err(Error::internal)?;
        plain.push(b'\n');
    }
    if !press {
        plain.insert(0, PLAIN);
        return Ok(plain);
    }
    let mut encoder = ZlibEncoder::new(vec![PRESSED], Compression::fast());
    encoder.write_all(&plain).and_then(|()| encoder.finish()).map_err(Error::internal)
}

/// Reads lines back.
pub fn read(content: &[u8]) -> Result<Vec<Line>> {
    match content.split_first() {
        Some((&PLAIN, plain)) => lines(plain),
        Some((&PRESSED, pressed)) => {
            let mut plain = Vec::new();
            ZlibDecoder::new(pressed).read_to_end(&mut plain).map_err(Error::internal)?;
            lines(&plain)
        }
        _ => Err(Error::internal("a chunk of lines is in no form that this release knows")),
    }
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
    fn lines_read_back_as_they_were_in_both_forms() -> Result<()> {
        for press in [false, true] {
            assert_eq!(read(&write(&sample(), press)?)?, sample());
        }
        Ok(())
    }

    /// What releases have written: these texts never change.
    #[test]
    fn what_was_written_by_the_first_release_is_read() -> Result<()> {
        let plain = b"\x01[7,0,1,1777896000000001,\"o\",true,\"a\\u0000b\\n\\u001b[31m \\\"\xe6\x97\xa5\xe6\x9c\xac\\\"\"]\n[8,0,1,1777896000000001,\"n\",true,\"\"]\n";
        assert_eq!(read(plain)?, sample());
        assert_eq!(write(&sample(), false)?, plain);
        Ok(())
    }

    #[test]
    fn strange_bytes_are_an_error_and_nothing_worse() {
        for bytes in [&b""[..], b"\x03", b"\x02\x00", b"\x01[1]", b"\x01{", &[1, 0xff, 0xfe]] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }
}
