//! A value that must not be printed.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};

/// A secret string. It has no `Display`, and `Debug` shows `***`; whoever needs the text asks for it by name.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that must not be shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Every call is a place to look at in a review.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What it is instead may be the secret too: the error does not repeat it.
        String::deserialize(deserializer).map(Self).map_err(|_| D::Error::custom("it is not a text"))
    }
}

/// Writing a secret to the wire is a decision of a field: `#[serde(serialize_with = "Secret::expose")]`.
impl Secret {
    /// Serialises the text itself, for the few answers that show a secret once.
    pub fn expose<S: serde::Serializer>(secret: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&secret.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        let refused = serde_json::from_str::<Secret>("987654321").unwrap_err();
        assert!(refused.to_string().starts_with("it is not a text") && !refused.to_string().contains("987"));
    }

    #[test]
    fn debug_shows_stars() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }
}
