//! Amounts of memory and CPU in the notation of Kubernetes
//! (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).

use std::{fmt, str::FromStr};

use crate::{Error, Result, names::quote_untrusted};

/// Amount of memory in bytes: `512Mi`, `1.5Gi`, `1G`, `1048576`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Memory(u64);

/// CPU in thousandths of one processor: `0.5`, `500m`, `2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpu(u32);

const MEMORY_UNITS: [(&str, u64); 10] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("k", 1_000),
    ("K", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("", 1),
];

impl Memory {
    /// Creates an amount in bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Creates an amount in mebibytes.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// Returns the number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Cpu {
    /// Creates an amount in thousandths of one processor.
    pub const fn from_milli(milli: u32) -> Self {
        Self(milli)
    }

    /// Returns the number of thousandths.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for Memory {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bytes =
            MEMORY_UNITS.iter().find_map(|(unit, size)| parse_scaled(text.strip_suffix(unit)?, *size));
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or_else(|| {
            Error::invalid("memory", format!("{} is not an amount of memory", quote_untrusted(text)))
                .help("write a number and a unit, as in 512Mi or 2Gi")
        })
    }
}

impl FromStr for Cpu {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let milli = match text.strip_suffix('m') {
            Some(milli) => parse_scaled(milli, 1),
            None => parse_scaled(text, 1000),
        };
        milli.and_then(|milli| u32::try_from(milli).ok()).filter(|milli| *milli > 0).map(Self).ok_or_else(
            || {
                Error::invalid("cpu", format!("{} is not an amount of CPU", quote_untrusted(text)))
                    .help("write a number of CPUs, as in 0.5, 2 or 500m")
            },
        )
    }
}

/// Computes `number × size` for a plain decimal number; `None` for any other text, and on overflow.
fn parse_scaled(number: &str, size: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 9 || !digits(whole) || !digits(part) || number.ends_with('.') {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(size)?;
    let part = match part {
        "" => 0,
        part => {
            let scale = 10u128.pow(u32::try_from(part.len()).ok()?);
            u64::try_from(u128::from(part.parse::<u64>().ok()?) * u128::from(size) / scale).ok()?
        }
    };
    whole.checked_add(part)
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit =
            MEMORY_UNITS[..4].iter().rev().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size));
        match unit {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

crate::as_text!(Memory, Cpu);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_the_kubernetes_notation() {
        for (text, bytes) in [("512Mi", 512 << 20), ("1.5Gi", 3 << 29), ("1G", 1_000_000_000), ("7", 7)] {
            assert_eq!(text.parse::<Memory>().map(Memory::get).ok(), Some(bytes), "{text}");
        }
        assert_eq!(Memory::from_mib(512).to_string(), "512Mi");
        assert_eq!(Memory::from_mib(2048).to_string(), "2Gi");
        for (text, milli) in [("0.5", 500), ("500m", 500), ("2", 2000)] {
            assert_eq!(text.parse::<Cpu>().map(Cpu::get).ok(), Some(milli), "{text}");
        }
        assert_eq!(Cpu::from_milli(1500).to_string(), "1500m");
    }

    #[test]
    fn invalid_amount_is_refused() {
        for text in ["", "-1Mi", "Mi", "1..5Gi", "1e3", "0", "99999999999Ti", "1 Gi", "1.Gi", "½"] {
            assert!(text.parse::<Memory>().is_err(), "{text}");
        }
        for text in ["", "-1", "m", "0", "0m", "1.5.5", "99999999"] {
            assert!(text.parse::<Cpu>().is_err(), "{text}");
        }
    }
}
