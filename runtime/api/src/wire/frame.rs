//! Frames: four bytes of length (big endian, of what follows), one byte of kind, the payload.

use hearth_base::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest payload. Observations of many thousand workloads fit.
const MOST: u32 = 64 << 20;

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Json,
    /// A layer's bytes, a program's input or its output.
    Bytes,
    /// A program's standard error.
    Errors,
}

impl Kind {
    const ALL: [(u8, Self); 3] = [(0, Self::Json), (1, Self::Bytes), (2, Self::Errors)];

    fn byte(self) -> u8 {
        self as u8
    }
}

/// Reads a frame; `None` when the connection ends before one begins.
pub async fn read<R: AsyncRead + Unpin + ?Sized>(from: &mut R) -> Result<Option<(Kind, Vec<u8>)>> {
    let mut head = [0; 5];
    match from.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(broken(error)),
    }
    let [a, b, c, d, kind] = head;
    let size = u32::from_be_bytes([a, b, c, d]);
    let kind = Kind::ALL.iter().find(|(byte, _)| *byte == kind).map(|(_, kind)| *kind);
    let (Some(kind), true) = (kind, size <= MOST) else {
        return Err(Error::invalid("runtime-frame", "what came over the runtime's socket is not a frame"));
    };
    let mut payload = Vec::new();
    let mut rest = from.take(u64::from(size));
    rest.read_to_end(&mut payload).await.map_err(broken)?;
    if payload.len() as u64 != u64::from(size) {
        return Err(broken(std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Some((kind, payload)))
}

/// Reads a frame that must be JSON.
pub async fn read_json<R: AsyncRead + Unpin + ?Sized, T: DeserializeOwned>(from: &mut R) -> Result<T> {
    match read(from).await? {
        Some((Kind::Json, payload)) => parse(&payload),
        Some(_) => Err(Error::invalid(
            "runtime-frame",
            "bytes came over the runtime's socket where a message was due",
        )),
        None => Err(broken(std::io::ErrorKind::UnexpectedEof.into())),
    }
}

/// Reads JSON.
pub fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    serde_json::from_slice(payload).map_err(|error| {
        Error::invalid("runtime-message", format!("a message to the runtime is not understood: {error}"))
            .help("let both processes be of the same release or neighbouring ones")
    })
}

/// Writes a frame of bytes.
pub async fn write<W: AsyncWrite + Unpin + ?Sized>(to: &mut W, kind: Kind, payload: &[u8]) -> Result<()> {
    let size = u32::try_from(payload.len()).ok().filter(|size| *size <= MOST);
    let size = size.ok_or_else(|| Error::internal("a frame of more than 64 MiB"))?;
    let mut frame = Vec::with_capacity(payload.len() + 5);
    frame.extend(size.to_be_bytes());
    frame.push(kind.byte());
    frame.extend(payload);
    to.write_all(&frame).await.map_err(broken)
}

/// Writes a frame of JSON.
pub async fn write_json<W: AsyncWrite + Unpin + ?Sized>(to: &mut W, message: &impl Serialize) -> Result<()> {
    let payload = serde_json::to_vec(message).map_err(Error::internal)?;
    write(to, Kind::Json, &payload).await
}

fn broken(error: std::io::Error) -> Error {
    Error::unavailable("runtime-away", "the runtime's connection broke off").help("try again").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cut_frame_is_an_error_and_no_frame_is_the_end() {
        assert!(matches!(read(&mut &b""[..]).await, Ok(None)));
        assert!(read(&mut &b"\0\0\0\x05\x01abc"[..]).await.is_err());
        assert!(read(&mut &b"\xff\0\0\x05\x01abc"[..]).await.is_err());
        assert!(read(&mut &b"\0\0\0\x01\x09a"[..]).await.is_err());
        let whole = read(&mut &b"\0\0\0\x03\x01abc"[..]).await;
        assert_eq!(whole.ok().flatten(), Some((Kind::Bytes, b"abc".to_vec())));
    }
}
