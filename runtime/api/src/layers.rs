//! Image layers: named by the digest of what they unpack from, brought by the caller, shared between tools.

use std::{fmt, str::FromStr};

use hearth_base::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::AsyncRead;

/// The SHA-256 of a layer's uncompressed archive: `sha256:` and 64 lower-case hexadecimal digits. OCI's
/// `diff_id` (image specification, `config.md`, "Layer DiffID").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId([u8; 32]);

/// How a layer's bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// A plain archive.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// What a layer is and how it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSource {
    /// What it must unpack from.
    pub id: LayerId,
    /// How it is compressed.
    pub compression: Compression,
}

/// A stream of bytes that somebody else brings.
pub type Bytes<'a> = Box<dyn AsyncRead + Send + Unpin + 'a>;

impl LayerId {
    /// The layer whose archive has this SHA-256.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The SHA-256.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digits without `sha256:`, safe as a file's name.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LayerId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let hex = text.strip_prefix("sha256:")?;
            let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if hex.len() != 64 || !hex.bytes().all(lower) {
                return None;
            }
            let mut digest = [0; 32];
            for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
            }
            Some(Self(digest))
        };
        read().ok_or_else(|| Error::invalid("layer-id", format!("{text:.100?} is not the digest of a layer")))
    }
}

impl Serialize for LayerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LayerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
