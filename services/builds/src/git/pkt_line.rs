//! Parser of packet lines: four hexadecimal digits with the length of the line, including themselves, and the
//! line (`gitprotocol-common`, "pkt-line Format").

/// Iterator over packets; `None` is a flush packet. It ends after the first invalid packet with an error.
pub struct Packets<'a>(pub &'a [u8]);

/// Error: the bytes are not a packet.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidPacket;

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Option<&'a [u8]>, InvalidPacket>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let packet = self.take_packet();
        if packet.is_err() {
            self.0 = &[];
        }
        Some(packet)
    }
}

impl<'a> Packets<'a> {
    fn take_packet(&mut self) -> Result<Option<&'a [u8]>, InvalidPacket> {
        let (digits, rest) = self.0.split_at_checked(4).ok_or(InvalidPacket)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(InvalidPacket);
        }
        let digits = std::str::from_utf8(digits).map_err(|_| InvalidPacket)?;
        match usize::from_str_radix(digits, 16).map_err(|_| InvalidPacket)? {
            0 => {
                self.0 = rest;
                Ok(None)
            }
            length => {
                let (line, rest) = length
                    .checked_sub(4)
                    .and_then(|line| rest.split_at_checked(line))
                    .ok_or(InvalidPacket)?;
                self.0 = rest;
                Ok(Some(line))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_flushes_differ() {
        let found: Vec<_> = Packets(b"0006a\n0000000bfoobar\n0004").collect();
        assert_eq!(found, [Ok(Some(&b"a\n"[..])), Ok(None), Ok(Some(&b"foobar\n"[..])), Ok(Some(&b""[..]))]);
    }

    #[test]
    fn invalid_packet_ends_the_list() {
        for bytes in [&b"000"[..], b"00", b"ffff", b"0001", b"0003", b"zzzz", b"+004", b"0009abcd", b"<htm"] {
            let found: Vec<_> = Packets(bytes).collect();
            assert_eq!(found, [Err(InvalidPacket)], "{bytes:?}");
        }
    }
}
