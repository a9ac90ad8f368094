//! Amounts of memory and processor time, as Kubernetes writes them
//! (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).

use std::{fmt, str::FromStr};

use crate::{Error, Result, names::shown};

/// An amount of memory in bytes: `512Mi`, `1.5Gi`, `1G`, `1048576`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Memory(u64);

/// Processor time in thousandths of one processor: `0.5`, `500m`, `2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpu(u32);

const UNITS: [(&str, u64); 10] = [
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
    /// This many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// This many mebibytes.
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Cpu {
    /// This many thousandths of one processor.
    pub const fn milli(milli: u32) -> Self {
        Self(milli)
    }

    /// The number of thousandths.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for Memory {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = UNITS.iter().find_map(|(unit, size)| scaled(text.strip_suffix(unit)?, *size));
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or_else(|| {
            Error::invalid("memory", format!("{} is not an amount of memory", shown(text)))
                .help("write a number and a unit, as in 512Mi or 2Gi")
        })
    }
}

impl FromStr for Cpu {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let milli = match text.strip_suffix('m') {
            Some(milli) => scaled(milli, 1),
            None => scaled(text, 1000),
        };
        milli.and_then(|milli| u32::try_from(milli).ok()).filter(|milli| *milli > 0).map(Self).ok_or_else(
            || {
                Error::invalid("cpu", format!("{} is not an amount of processor time", shown(text)))
                    .help("write a number of processors, as in 0.5, 2 or 500m")
            },
        )
    }
}

/// `number × size` for a plain decimal number, `None` for anything else or what does not fit.
fn scaled(number: &str, size: u64) -> Option<u64> {
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
        let unit = UNITS[..4].iter().rev().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size));
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
    fn amounts_are_read_and_written_as_kubernetes_does() {
        for (text, bytes) in [("512Mi", 512 << 20), ("1.5Gi", 3 << 29), ("1G", 1_000_000_000), ("7", 7)] {
            assert_eq!(text.parse::<Memory>().map(Memory::get).ok(), Some(bytes), "{text}");
        }
        assert_eq!(Memory::mib(512).to_string(), "512Mi");
        assert_eq!(Memory::mib(2048).to_string(), "2Gi");
        for (text, milli) in [("0.5", 500), ("500m", 500), ("2", 2000)] {
            assert_eq!(text.parse::<Cpu>().map(Cpu::get).ok(), Some(milli), "{text}");
        }
        assert_eq!(Cpu::milli(1500).to_string(), "1500m");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "-1Mi", "Mi", "1..5Gi", "1e3", "0", "99999999999Ti", "1 Gi", "1.Gi", "½"] {
            assert!(text.parse::<Memory>().is_err(), "{text}");
        }
        for text in ["", "-1", "m", "0", "0m", "1.5.5", "99999999"] {
            assert!(text.parse::<Cpu>().is_err(), "{text}");
        }
    }
}
