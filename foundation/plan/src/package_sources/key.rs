//! OpenPGP public keys in ASCII armor (RFC 9580, section 6), by which apt checks the signatures of a package source.

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::{Error, Result};

/// Largest armored key, in bytes.
pub const MAX_KEY_BYTES: usize = 64 << 10;

const HEADER_LINE: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const FOOTER_LINE: &str = "-----END PGP PUBLIC KEY BLOCK-----";
const ARMOR_LINE_CHARACTERS: usize = 64;
/// Packet type of a public key (RFC 9580, section 5).
const PUBLIC_KEY_PACKET: u8 = 6;

/// A public key, or several in one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSourceKey(Vec<u8>);

impl PackageSourceKey {
    /// Parses a block in ASCII armor. Error `package-source-key` (invalid).
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_KEY_BYTES {
            return Err(build_key_error(&format!("is too large; at most {MAX_KEY_BYTES} bytes")));
        }
        let mut lines = text.lines().map(str::trim).skip_while(|line| line.is_empty());
        if lines.next() != Some(HEADER_LINE) {
            return Err(build_key_error("does not begin with a line -----BEGIN PGP PUBLIC KEY BLOCK-----"));
        }
        // Headers such as Comment end with an empty line; some programs leave both out.
        let mut encoded = String::new();
        let mut is_complete = false;
        for line in lines.by_ref() {
            if line == FOOTER_LINE {
                is_complete = true;
                break;
            }
            // A line that begins with `=` is a checksum, which readers ignore (RFC 9580, section 6.1).
            if !line.contains(':') && !line.starts_with('=') {
                encoded.push_str(line);
            }
        }
        if !is_complete || lines.any(|line| !line.is_empty()) {
            return Err(build_key_error(
                "is not one block that ends with -----END PGP PUBLIC KEY BLOCK-----",
            ));
        }
        let bytes = BASE64_STANDARD.decode(&encoded).map_err(|_| build_key_error("is not valid Base64"))?;
        Self::from_bytes(&bytes)
    }

    /// Parses a key file: in ASCII armor, or in binary form (`.gpg`). Error `package-source-key` (invalid).
    pub fn parse_file(content: &[u8]) -> Result<Self> {
        match std::str::from_utf8(content) {
            Ok(text) => Self::parse(text),
            Err(_) => Self::from_bytes(content),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let packet_type = match bytes.first() {
            Some(tag) if tag & 0xc0 == 0xc0 => tag & 0x3f,
            Some(tag) if tag & 0xc0 == 0x80 => (tag & 0x3f) >> 2,
            _ => return Err(build_key_error("is not an OpenPGP key")),
        };
        match packet_type {
            PUBLIC_KEY_PACKET if bytes.len() <= MAX_KEY_BYTES => Ok(Self(bytes.to_vec())),
            PUBLIC_KEY_PACKET => {
                Err(build_key_error(&format!("is too large; at most {MAX_KEY_BYTES} bytes")))
            }
            _ => Err(build_key_error("begins with something else than a public key")),
        }
    }

    /// Renders the key in ASCII armor, without a checksum.
    pub fn render_armor(&self) -> String {
        let encoded = BASE64_STANDARD.encode(&self.0);
        let lines: Vec<&str> = encoded
            .as_bytes()
            .chunks(ARMOR_LINE_CHARACTERS)
            .map(|line| std::str::from_utf8(line).unwrap_or_default())
            .collect();
        format!("{HEADER_LINE}\n\n{}\n{FOOTER_LINE}\n", lines.join("\n"))
    }
}

fn build_key_error(problem: &str) -> Error {
    Error::invalid("package-source-key", format!("the key of the package source {problem}")).help(
        "pass the public key that the owner of the packages publishes, as gpg --armor --export writes it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armored_key_is_read_with_headers_and_checksum() -> Result<()> {
        let key = PackageSourceKey::parse_file(&[0x99, 0, 1, 4])?;
        let text = key.render_armor();
        assert_eq!(text, format!("{HEADER_LINE}\n\nmQABBA==\n{FOOTER_LINE}\n"));
        let decorated = text.replace("\n\n", "\r\nComment: from the site\n\n").replace("==\n", "==\n=abcd\n");
        assert_eq!(PackageSourceKey::parse(&format!("\n{decorated}\n"))?, key);
        Ok(())
    }

    #[test]
    fn anything_but_one_public_key_block_is_refused() {
        let armored = |body: &str| format!("{HEADER_LINE}\n\n{body}\n{FOOTER_LINE}\n");
        let twice = armored("mQABBA==").repeat(2);
        // A secret key begins with a packet of type 5.
        for text in ["", "mQABBA==", HEADER_LINE, &armored("lQABBA=="), &armored("%%"), &armored(""), &twice]
        {
            let refused = PackageSourceKey::parse(text).unwrap_err();
            assert_eq!(refused.code(), "package-source-key", "{text}");
        }
        assert!(PackageSourceKey::parse(&armored(&"mQAB".repeat(20_000))).is_err());
    }
}
