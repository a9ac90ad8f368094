//! Frames of the protocol `hearth-exec`: a program inside a job's container, over an upgraded connection.
//!
//! A frame is four bytes of payload length (big endian), one byte of kind, and the payload. Kind 0 is JSON,
//! kind 1 is bytes of standard input or output, kind 2 is bytes of standard error. The client sends
//! [`ExecFrame::Open`] first.

use hearth_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// Name of the protocol in the `Upgrade` header.
pub const EXEC_PROTOCOL: &str = "hearth-exec";

/// Maximum payload of one frame, in bytes.
const MAX_PAYLOAD_BYTES: usize = 1 << 20;
const FRAME_HEADER_BYTES: usize = 5;

/// Request to run a program, the content of [`ExecFrame::Open`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecOpen {
    /// The program and its arguments; empty for a shell.
    pub command: Vec<String>,
    /// Command of a job: a process of the image, or a shell command line. It is resolved and appended to
    /// `command` as the last argument; a shell runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Size of the terminal; absent for plain streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<ExecSize>,
    /// Type of the terminal, the variable `TERM` of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
    /// Id of the run (see `…/runs`); default: the newest running one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// Size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecSize {
    /// Number of rows.
    pub rows: u16,
    /// Number of columns.
    pub columns: u16,
}

/// Termination of the program, the content of [`ExecFrame::Ended`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecEnd {
    /// Exit status, if the program returned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Signal that ended the program, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Any other reason for the termination, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Frame of either direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecFrame {
    /// To the program: the program to run. The first frame; sent only once.
    Open(ExecOpen),
    /// To the program: bytes of its standard input. From the program: bytes of its standard output or terminal.
    Data(Vec<u8>),
    /// From the program: bytes of its standard error.
    Stderr(Vec<u8>),
    /// To the program: end of standard input.
    Close,
    /// To the program: new size of the terminal.
    Resize(ExecSize),
    /// From the program: the program has started.
    Started,
    /// From the program, last: the program has ended.
    Ended(ExecEnd),
}

/// Frames of kind 0, in JSON.
#[derive(Serialize, Deserialize)]
#[serde(tag = "say", content = "with", rename_all = "kebab-case")]
enum ExecMessage {
    Open(ExecOpen),
    Close,
    Resize(ExecSize),
    Started,
    Ended(ExecEnd),
}

impl ExecFrame {
    /// Encodes the frame. Data larger than one frame is split into several.
    pub fn encode(&self) -> Vec<u8> {
        let message = match self {
            Self::Data(bytes) => return encode_frames(1, bytes),
            Self::Stderr(bytes) => return encode_frames(2, bytes),
            Self::Open(open) => ExecMessage::Open(open.clone()),
            Self::Close => ExecMessage::Close,
            Self::Resize(size) => ExecMessage::Resize(*size),
            Self::Started => ExecMessage::Started,
            Self::Ended(end) => ExecMessage::Ended(end.clone()),
        };
        // Serialization cannot fail: every field has a JSON form.
        encode_frames(0, &serde_json::to_vec(&message).unwrap_or_default())
    }
}

/// Encodes a payload as one frame for each `MAX_PAYLOAD_BYTES`; none for an empty payload.
fn encode_frames(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + FRAME_HEADER_BYTES);
    for chunk in payload.chunks(MAX_PAYLOAD_BYTES) {
        bytes.extend(u32::try_from(chunk.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.push(kind);
        bytes.extend(chunk);
    }
    bytes
}

/// Incremental decoder of frames. It buffers the chunks received on a connection.
#[derive(Debug, Default)]
pub struct ExecDecoder(Vec<u8>);

impl ExecDecoder {
    /// Appends a received chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        self.0.extend_from_slice(chunk);
    }

    /// Returns the next complete frame, if there is one.
    pub fn next_frame(&mut self) -> Result<Option<ExecFrame>> {
        let Some((head, rest)) = self.0.split_at_checked(FRAME_HEADER_BYTES) else { return Ok(None) };
        let &[a, b, c, d, kind] = head else { return Ok(None) };
        let size = u32::from_be_bytes([a, b, c, d]) as usize;
        if size > MAX_PAYLOAD_BYTES {
            return Err(build_frame_error());
        }
        let Some(payload) = rest.get(..size) else { return Ok(None) };
        let frame = match kind {
            0 => match serde_json::from_slice(payload)
                .map_err(|cause| build_frame_error().with_cause(cause))?
            {
                ExecMessage::Open(open) => ExecFrame::Open(open),
                ExecMessage::Close => ExecFrame::Close,
                ExecMessage::Resize(size) => ExecFrame::Resize(size),
                ExecMessage::Started => ExecFrame::Started,
                ExecMessage::Ended(end) => ExecFrame::Ended(end),
            },
            1 => ExecFrame::Data(payload.to_vec()),
            2 => ExecFrame::Stderr(payload.to_vec()),
            _ => return Err(build_frame_error()),
        };
        self.0.drain(..FRAME_HEADER_BYTES + size);
        Ok(Some(frame))
    }
}

fn build_frame_error() -> Error {
    Error::invalid("exec-frame", "invalid frame of hearth-exec")
        .help("use the same or adjacent releases of client and server")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Releases of different versions exchange these bytes: they never change.
    #[test]
    fn frame_encoding_never_changes() -> Result<()> {
        let open = ExecOpen {
            command: vec!["ls".to_owned()],
            line: None,
            terminal: Some(ExecSize { rows: 24, columns: 80 }),
            term: None,
            run: None,
        };
        let ended = ExecEnd { exit_code: Some(3), signal: None, reason: None };
        let golden: [(ExecFrame, &[u8]); 7] = [
            (
                ExecFrame::Open(open),
                b"\0\0\0\x4c\0{\"say\":\"open\",\"with\":{\"command\":[\"ls\"],\"terminal\":{\"rows\":24,\"columns\":80}}}",
            ),
            (ExecFrame::Data(b"hi\n".to_vec()), b"\0\0\0\x03\x01hi\n"),
            (ExecFrame::Stderr(b"no".to_vec()), b"\0\0\0\x02\x02no"),
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
                assert_eq!(decoder.next_frame()?, None);
                decoder.push(&[*byte]);
            }
            assert_eq!(decoder.next_frame()?, Some(frame));
        }
        Ok(())
    }

    #[test]
    fn invalid_frame_is_refused() {
        for bytes in [&b"\xff\0\0\0\x01"[..], b"\0\0\0\x01\x09a", b"\0\0\0\x02\0{}"] {
            let mut decoder = ExecDecoder::default();
            decoder.push(bytes);
            assert!(decoder.next_frame().is_err());
        }
    }
}
