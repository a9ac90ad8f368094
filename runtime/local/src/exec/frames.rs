//! Frames between the runtime process and the exec process: kind (1 byte), length (4 bytes, little endian),
//! payload.

/// Header size in bytes.
pub const HEADER_BYTES: usize = 5;
/// Maximum payload size in bytes; a longer frame is invalid.
const MAX_PAYLOAD_BYTES: usize = 4 << 20;

/// Kind of a frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExecFrameKind {
    /// Standard input or output. The first frame to the exec process holds the request.
    Data = 1,
    /// Standard error.
    Stderr = 2,
    /// End of standard input.
    Close = 3,
    /// New terminal size, as JSON.
    Resize = 4,
    /// Exit of the program, as JSON.
    Ended = 5,
}

pub fn encode_header(kind: ExecFrameKind, size: usize) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    [kind as u8, a, b, c, d]
}

pub fn decode_header([kind, a, b, c, d]: [u8; HEADER_BYTES]) -> Option<(ExecFrameKind, usize)> {
    let all = [
        ExecFrameKind::Data,
        ExecFrameKind::Stderr,
        ExecFrameKind::Close,
        ExecFrameKind::Resize,
        ExecFrameKind::Ended,
    ];
    let kind = all.into_iter().find(|known| *known as u8 == kind)?;
    let size = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
    (size <= MAX_PAYLOAD_BYTES).then_some((kind, size))
}
