//! Logs of runs and builds: `/logs/v1`.

mod entry;

pub mod internal;

pub use entry::{
    LogsDirection, LogsEntry, LogsEntrySource, LogsEvent, LogsList, LogsNext, LogsQuery, LogsStreamEnd,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Output stream of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogsStream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// A note of Hearth about the log itself, such as "7 lines lost".
    Note,
}
