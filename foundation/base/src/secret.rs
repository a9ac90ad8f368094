//! Values that must not be printed.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};

/// Secret string. It has no `Display`, and `Debug` shows `***`; code must ask for the text explicitly.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Creates a secret from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text. Every call deserves a look in a review.
    pub fn expose_secret(&self) -> &str {
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
        // The wrong value may be the secret too: the error does not repeat it.
        String::deserialize(deserializer).map(Self).map_err(|_| D::Error::custom("expected a string"))
    }
}

/// A field opts into sending a secret: `#[serde(serialize_with = "Secret::serialize_exposed")]`.
impl Secret {
    /// Serializes the text, for the few responses that show a secret once.
    pub fn serialize_exposed<S: serde::Serializer>(secret: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&secret.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_secret_is_not_repeated_in_the_error() {
        let refused = serde_json::from_str::<Secret>("987654321").unwrap_err();
        assert!(refused.to_string().starts_with("expected a string") && !refused.to_string().contains("987"));
    }

    #[test]
    fn debug_shows_stars() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }
}
