//! Numbers of previews.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Result, names::quote_untrusted};

/// Number of a preview: that of the merge request that it shows, 1 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct PreviewNumber(u32);

impl PreviewNumber {
    /// Converts a number. Error `preview-number` for 0.
    pub fn new(number: u32) -> Result<Self> {
        if number == 0 {
            return Err(build_number_error("0"));
        }
        Ok(Self(number))
    }

    /// Returns the number.
    pub fn as_u32(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for PreviewNumber {
    type Error = Error;

    fn try_from(number: u32) -> Result<Self> {
        Self::new(number)
    }
}

impl From<PreviewNumber> for u32 {
    fn from(number: PreviewNumber) -> Self {
        number.0
    }
}

/// Accepts the one canonical form: decimal digits without a sign or leading zeros. Error `preview-number`.
impl FromStr for PreviewNumber {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.parse::<u32>().ok().filter(|number| number.to_string() == text);
        number.map_or_else(|| Err(build_number_error(text)), Self::new)
    }
}

impl fmt::Display for PreviewNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn build_number_error(text: &str) -> Error {
    let what = format!(
        "{} is not the number of a preview; expected 1 to {}, as in 7",
        quote_untrusted(text),
        u32::MAX
    );
    Error::invalid("preview-number", what).help("give the number of the merge request")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preview_number_has_one_text() -> Result<()> {
        for (text, number) in [("1", 1), ("7", 7), ("4294967295", u32::MAX)] {
            let parsed = text.parse::<PreviewNumber>()?;
            assert_eq!((parsed, parsed.to_string()), (PreviewNumber::new(number)?, text.to_owned()));
        }
        for text in ["", "0", "00", "07", "+7", "-7", " 7", "7 ", "7a", "4294967296"] {
            assert_eq!(text.parse::<PreviewNumber>().unwrap_err().code(), "preview-number", "{text}");
        }
        Ok(())
    }

    #[test]
    fn preview_number_is_a_number_in_json() -> Result<()> {
        let number = PreviewNumber::new(7)?;
        assert_eq!(serde_json::to_string(&number).map_err(Error::internal)?, "7");
        assert_eq!(serde_json::from_str::<PreviewNumber>("7").map_err(Error::internal)?, number);
        for refused in ["0", "-1", "\"7\"", "4294967296"] {
            assert!(serde_json::from_str::<PreviewNumber>(refused).is_err(), "{refused}");
        }
        Ok(())
    }
}
