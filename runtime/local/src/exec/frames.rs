//! Frames between the runtime's process and the one that goes into a container: a kind, four bytes of length
//! (little endian), the payload.

/// Bytes before the payload.
pub const HEAD: usize = 5;
/// A longer payload is no frame of ours.
const MOST: usize = 4 << 20;

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Input, output; first of all the errand.
    Data = 1,
    /// Error output.
    Errors = 2,
    /// The input has ended.
    Close = 3,
    /// The terminal's new size, as JSON.
    Resize = 4,
    /// How it ended, as JSON.
    Ended = 5,
}

pub fn head(kind: Kind, size: usize) -> [u8; HEAD] {
    let [a, b, c, d] = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    [kind as u8, a, b, c, d]
}

pub fn parse([kind, a, b, c, d]: [u8; HEAD]) -> Option<(Kind, usize)> {
    let all = [Kind::Data, Kind::Errors, Kind::Close, Kind::Resize, Kind::Ended];
    let kind = all.into_iter().find(|known| *known as u8 == kind)?;
    let size = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
    (size <= MOST).then_some((kind, size))
}
