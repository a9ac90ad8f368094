//! Incremental parser of packet lines: four hexadecimal digits with the length of the line, including themselves,
//! and the line (`gitprotocol-common`, "pkt-line Format").

/// Maximum length of a packet, in bytes (`gitprotocol-common`: LARGE_PACKET_MAX).
const MAX_PACKET_BYTES: usize = 65_520;

/// Number of digits of a length.
const LENGTH_DIGITS: usize = 4;

/// Parser of packets that arrive in pieces. It keeps at most one incomplete packet.
#[derive(Debug, Default)]
pub struct PacketParser {
    incomplete: Vec<u8>,
}

/// Error: the bytes are not packets.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidPacket;

impl PacketParser {
    /// Parses a piece, and passes each complete packet to `receive`; `None` is a flush packet. The parser must not
    /// be used after an error.
    pub fn parse_chunk<E: From<InvalidPacket>>(
        &mut self,
        mut chunk: &[u8],
        mut receive: impl FnMut(Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if self.incomplete.is_empty() {
                // The usual case: packets that lie within the piece are not copied.
                while let Some((packet, rest)) = split_packet(chunk)? {
                    receive(packet)?;
                    chunk = rest;
                }
                self.incomplete.extend_from_slice(chunk);
                return Ok(());
            }
            let needed = count_missing_bytes(&self.incomplete)?;
            let (added, rest) = chunk.split_at(needed.min(chunk.len()));
            self.incomplete.extend_from_slice(added);
            chunk = rest;
            if let Some((packet, _)) = split_packet(&self.incomplete)? {
                receive(packet)?;
                self.incomplete.clear();
            } else if chunk.is_empty() {
                return Ok(());
            }
        }
    }

    /// Checks that no packet is incomplete.
    pub fn check_end(&self) -> Result<(), InvalidPacket> {
        if self.incomplete.is_empty() { Ok(()) } else { Err(InvalidPacket) }
    }
}

/// A packet and the bytes after it.
type SplitPacket<'a> = (Option<&'a [u8]>, &'a [u8]);

/// Splits the first packet from `bytes`; `None` when it is incomplete.
fn split_packet(bytes: &[u8]) -> Result<Option<SplitPacket<'_>>, InvalidPacket> {
    let Some((digits, rest)) = bytes.split_at_checked(LENGTH_DIGITS) else { return Ok(None) };
    Ok(match parse_length(digits)? {
        None => Some((None, rest)),
        Some(length) => rest.split_at_checked(length).map(|(line, rest)| (Some(line), rest)),
    })
}

/// Counts the bytes that an incomplete packet needs at least: the rest of its length, else the rest of its line.
fn count_missing_bytes(incomplete: &[u8]) -> Result<usize, InvalidPacket> {
    let Some((digits, line)) = incomplete.split_at_checked(LENGTH_DIGITS) else {
        return Ok(LENGTH_DIGITS - incomplete.len());
    };
    Ok(parse_length(digits)?.unwrap_or_default().saturating_sub(line.len()))
}

/// Parses the length of a line without its digits; `None` for a flush packet.
fn parse_length(digits: &[u8]) -> Result<Option<usize>, InvalidPacket> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(InvalidPacket);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| InvalidPacket)?;
    match usize::from_str_radix(digits, 16).map_err(|_| InvalidPacket)? {
        0 => Ok(None),
        length if length <= MAX_PACKET_BYTES => {
            length.checked_sub(LENGTH_DIGITS).map(Some).ok_or(InvalidPacket)
        }
        _ => Err(InvalidPacket),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses `bytes` in pieces of `size` bytes. Returns the packets as text, `flush` for a flush packet.
    fn parse_in_pieces(bytes: &[u8], size: usize) -> Result<Vec<String>, InvalidPacket> {
        let mut parser = PacketParser::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            parser.parse_chunk(piece, |packet| {
                let text = packet.map(|line| String::from_utf8_lossy(line).into_owned());
                found.push(text.unwrap_or_else(|| "flush".to_owned()));
                Ok::<_, InvalidPacket>(())
            })?;
        }
        parser.check_end().map(|()| found)
    }

    #[test]
    fn lines_and_flushes_differ_in_pieces_of_any_size() {
        for size in 1..20 {
            let found = parse_in_pieces(b"0006a\n0000000bfoobar\n0004", size);
            assert_eq!(found.unwrap(), ["a\n", "flush", "foobar\n", ""], "{size}");
        }
    }

    #[test]
    fn invalid_packet_is_refused() {
        for bytes in
            [&b"000"[..], b"00", b"ffff", b"fff1", b"0001", b"0003", b"zzzz", b"+004", b"0009abcd", b"<htm"]
        {
            for size in 1..9 {
                assert_eq!(parse_in_pieces(bytes, size), Err(InvalidPacket), "{bytes:?}");
            }
        }
    }

    #[test]
    fn parser_keeps_at_most_one_packet() {
        let mut parser = PacketParser::default();
        let packet = format!("{:04x}{}", 1004, "x".repeat(1000));
        for piece in packet.repeat(3000).as_bytes().chunks(777) {
            parser.parse_chunk(piece, |_| Ok::<_, InvalidPacket>(())).unwrap();
            assert!(parser.incomplete.capacity() <= 4096, "{}", parser.incomplete.capacity());
        }
    }
}
