//! The frames of a program that is run inside a job's container, on a connection upgraded to `hearth-exec`.
//!
//! A frame is four bytes of length (big endian, of the payload), one byte of kind, the payload. Kind 0 is JSON,
//! 1 bytes of standard input or output, 2 bytes of standard error. The caller sends [`ExecFrame::Open`] first.

use hearth_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// The name of the protocol in the header `Upgrade`.
pub const EXEC_PROTOCOL: &str = "hearth-exec";

/// The most bytes in one frame.
const MOST: usize = 1 << 20;
const HEAD: usize = 5;

/// What to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecOpen {
    /// The program and its arguments; empty: a shell.
    pub command: Vec<String>,
    /// As the command of a job: a process of the image, or a line for its shell. The program gets what it stands for as
    /// its last argument; a shell runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// A terminal of this size, or plain streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<ExecSize>,
    /// Which run (see `…/runs`); the newest that runs when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecEnd {
    /// Its exit status, when it returned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// What else ended it, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One frame, either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecFrame {
    /// To the program: what to run. First, and once.
    Open(ExecOpen),
    /// Bytes of its standard input, or of its standard output or terminal.
    Data(Vec<u8>),
    /// From the program: bytes of its standard error.
    Errors(Vec<u8>),
    /// To the program: its standard input ends.
    Close,
    /// To the program: its terminal has another size.
    Resize(ExecSize),
    /// From the program: it runs.
    Started,
    /// From the program, last: it is over.
    Ended(ExecEnd),
}

/// The JSON frames.
#[derive(Serialize, Deserialize)]
#[serde(tag = "say", content = "with", rename_all = "kebab-case")]
enum Said {
    Open(ExecOpen),
    Close,
    Resize(ExecSize),
    Started,
    Ended(ExecEnd),
}

impl ExecFrame {
    /// The frame's bytes. Data beyond the most that a frame holds goes into several.
    pub fn encode(&self) -> Vec<u8> {
        let said = match self {
            Self::Data(bytes) => return frames(1, bytes),
            Self::Errors(bytes) => return frames(2, bytes),
            Self::Open(open) => Said::Open(open.clone()),
            Self::Close => Said::Close,
            Self::Resize(size) => Said::Resize(*size),
            Self::Started => Said::Started,
            Self::Ended(end) => Said::Ended(end.clone()),
        };
        // These types have nothing that JSON cannot say.
        frames(0, &serde_json::to_vec(&said).unwrap_or_default())
    }
}

fn frames(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + HEAD);
    for chunk in payload.chunks(MOST) {
        bytes.extend(u32::try_from(chunk.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.push(kind);
        bytes.extend(chunk);
    }
    bytes
}

/// Puts frames together from the pieces in which they come.
#[derive(Debug, Default)]
pub struct ExecDecoder(Vec<u8>);

impl ExecDecoder {
    /// Takes a piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
    }

    /// The next whole frame, if there is one.
    pub fn pull(&mut self) -> Result<Option<ExecFrame>> {
        let Some((head, rest)) = self.0.split_at_checked(HEAD) else { return Ok(None) };
        let &[a, b, c, d, kind] = head else { return Ok(None) };
        let size = u32::from_be_bytes([a, b, c, d]) as usize;
        if size > MOST {
            return Err(strange());
        }
        let Some(payload) = rest.get(..size) else { return Ok(None) };
        let frame = match kind {
            0 => match serde_json::from_slice(payload).map_err(|cause| strange().because(cause))? {
                Said::Open(open) => ExecFrame::Open(open),
                Said::Close => ExecFrame::Close,
                Said::Resize(size) => ExecFrame::Resize(size),
                Said::Started => ExecFrame::Started,
                Said::Ended(end) => ExecFrame::Ended(end),
            },
            1 => ExecFrame::Data(payload.to_vec()),
            2 => ExecFrame::Errors(payload.to_vec()),
            _ => return Err(strange()),
        };
        self.0.drain(..HEAD + size);
        Ok(Some(frame))
    }
}

fn strange() -> Error {
    Error::invalid("exec-frame", "what came on this connection is no frame of hearth-exec")
        .help("let both sides be of about the same version")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These bytes are read by neighbouring releases: they never change.
    #[test]
    fn the_frames_are_what_they_always_were() -> Result<()> {
        let open = ExecOpen {
            command: vec!["ls".to_owned()],
            line: None,
            terminal: Some(ExecSize { rows: 24, columns: 80 }),
            run: None,
        };
        let ended = ExecEnd { exit_code: Some(3), signal: None, reason: None };
        let golden: [(ExecFrame, &[u8]); 7] = [
            (
                ExecFrame::Open(open),
                b"\0\0\0\x4c\0{\"say\":\"open\",\"with\":{\"command\":[\"ls\"],\"terminal\":{\"rows\":24,\"columns\":80}}}",
            ),
            (ExecFrame::Data(b"hi\n".to_vec()), b"\0\0\0\x03\x01hi\n"),
            (ExecFrame::Errors(b"no".to_vec()), b"\0\0\0\x02\x02no"),
            (ExecFrame::Close, b"\0\0\0\x0f\0{\"say\":\"close\"}"),
            (
                ExecFrame::Resize(ExecSize { rows: 1, columns: 2 }),
                b"\0\0\0\x2e\0{\"say\":\"resize\",\"with\":{\"rows\":1,\"columns\":2}}",
            ),
            (ExecFrame::Started, b"\0\0\0\x11\0{\"say\":\"started\"}"),
            (ExecFrame::Ended(ended), b"\0\0\0\x26\0{\"say\":\"ended\",\"with\":{\"exit_code\":3}}"),
        ];
        let mut decoder = ExecDecoder::default();
        for (frame, bytes) in golden {
            assert_eq!(String::from_utf8_lossy(&frame.encode()), String::from_utf8_lossy(bytes));
            for byte in bytes {
                assert_eq!(decoder.pull()?, None);
                decoder.push(&[*byte]);
            }
            assert_eq!(decoder.pull()?, Some(frame));
        }
        Ok(())
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [&b"\xff\0\0\0\x01"[..], b"\0\0\0\x01\x09a", b"\0\0\0\x02\0{}"] {
            let mut decoder = ExecDecoder::default();
            decoder.push(bytes);
            assert!(decoder.pull().is_err());
        }
    }
}
