//! Timestamps in the database: microseconds since 1970-01-01T00:00:00Z in an integer column.

use jiff::Timestamp;
use sea_orm::DeriveValueType;

/// A timestamp column: microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, DeriveValueType)]
pub struct DbTimestamp(pub i64);

impl From<Timestamp> for DbTimestamp {
    fn from(instant: Timestamp) -> Self {
        Self(instant.as_microsecond())
    }
}

impl From<DbTimestamp> for Timestamp {
    fn from(DbTimestamp(micros): DbTimestamp) -> Self {
        // Out of range only when the column was not written by Hearth: clamped to the nearest timestamp.
        Self::from_microsecond(micros).unwrap_or(if micros < 0 { Self::MIN } else { Self::MAX })
    }
}
