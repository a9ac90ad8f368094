//! Frames on the runtime's socket: the payload's length (4 bytes, big endian), the kind (1 byte), the payload.

use hearth_base::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Maximum payload of one frame; sufficient for an observation of many thousand workloads.
const MAX_PAYLOAD_BYTES: u32 = 64 << 20;

/// The kind of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    Json,
    /// Bytes of a layer, or of a program's input or output.
    Bytes,
    /// Bytes of a program's standard error.
    Stderr,
}

impl FrameKind {
    const KIND_BYTES: [(u8, Self); 3] = [(0, Self::Json), (1, Self::Bytes), (2, Self::Stderr)];

    fn to_byte(self) -> u8 {
        self as u8
    }
}

/// Reads a frame. `None` when the connection ends before a frame begins.
pub async fn read_frame<R: AsyncRead + Unpin + ?Sized>(from: &mut R) -> Result<Option<(FrameKind, Vec<u8>)>> {
    let mut head = [0; 5];
    match from.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(build_connection_error(error)),
    }
    let [a, b, c, d, kind] = head;
    let size = u32::from_be_bytes([a, b, c, d]);
    let kind = FrameKind::KIND_BYTES.iter().find(|(byte, _)| *byte == kind).map(|(_, kind)| *kind);
    let (Some(kind), true) = (kind, size <= MAX_PAYLOAD_BYTES) else {
        return Err(Error::invalid("runtime-frame", "invalid frame on the runtime's socket"));
    };
    let mut payload = Vec::new();
    let mut rest = from.take(u64::from(size));
    rest.read_to_end(&mut payload).await.map_err(build_connection_error)?;
    if payload.len() as u64 != u64::from(size) {
        return Err(build_connection_error(std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Some((kind, payload)))
}

/// Reads a JSON frame and parses its payload. The end of the connection is an error.
pub async fn read_json<R: AsyncRead + Unpin + ?Sized, T: DeserializeOwned>(from: &mut R) -> Result<T> {
    match read_frame(from).await? {
        Some((FrameKind::Json, payload)) => parse_json(&payload),
        Some(_) => Err(Error::invalid(
            "runtime-frame",
            "unexpected byte frame on the runtime's socket; expected a JSON frame",
        )),
        None => Err(build_connection_error(std::io::ErrorKind::UnexpectedEof.into())),
    }
}

/// Parses the payload of a JSON frame.
pub fn parse_json<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    serde_json::from_slice(payload).map_err(|error| {
        Error::invalid("runtime-message", format!("invalid message on the runtime's socket: {error}"))
            .help("run both processes from the same or adjacent releases")
    })
}

/// Writes a frame.
pub async fn write_frame<W: AsyncWrite + Unpin + ?Sized>(
    to: &mut W,
    kind: FrameKind,
    payload: &[u8],
) -> Result<()> {
    let size = u32::try_from(payload.len()).ok().filter(|size| *size <= MAX_PAYLOAD_BYTES);
    let size = size.ok_or_else(|| Error::internal("frame is larger than 64 MiB"))?;
    let mut frame = Vec::with_capacity(payload.len() + 5);
    frame.extend(size.to_be_bytes());
    frame.push(kind.to_byte());
    frame.extend(payload);
    to.write_all(&frame).await.map_err(build_connection_error)
}

/// Writes a JSON frame.
pub async fn write_json<W: AsyncWrite + Unpin + ?Sized>(to: &mut W, message: &impl Serialize) -> Result<()> {
    let payload = serde_json::to_vec(message).map_err(Error::internal)?;
    write_frame(to, FrameKind::Json, &payload).await
}

fn build_connection_error(error: std::io::Error) -> Error {
    Error::unavailable("runtime-unavailable", "the connection to the container runtime broke")
        .help("try again")
        .with_cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn incomplete_frame_is_an_error_and_no_frame_is_the_end() {
        assert!(matches!(read_frame(&mut &b""[..]).await, Ok(None)));
        assert!(read_frame(&mut &b"\0\0\0\x05\x01abc"[..]).await.is_err());
        assert!(read_frame(&mut &b"\xff\0\0\x05\x01abc"[..]).await.is_err());
        assert!(read_frame(&mut &b"\0\0\0\x01\x09a"[..]).await.is_err());
        let whole = read_frame(&mut &b"\0\0\0\x03\x01abc"[..]).await;
        assert_eq!(whole.ok().flatten(), Some((FrameKind::Bytes, b"abc".to_vec())));
    }
}
