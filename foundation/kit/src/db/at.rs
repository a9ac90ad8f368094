//! Instants as every database keeps them: microseconds since 1970 in an integer column.

use jiff::Timestamp;
use sea_orm::DeriveValueType;

/// An instant in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, DeriveValueType)]
pub struct At(pub i64);

impl From<Timestamp> for At {
    fn from(instant: Timestamp) -> Self {
        Self(instant.as_microsecond())
    }
}

impl From<At> for Timestamp {
    fn from(At(micros): At) -> Self {
        // Every column was written from a timestamp; one that was not is shown as far away as it is.
        Self::from_microsecond(micros).unwrap_or(if micros < 0 { Self::MIN } else { Self::MAX })
    }
}
