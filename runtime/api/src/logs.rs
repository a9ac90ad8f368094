//! Log lines of containers, numbered in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The stream that a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogStream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// A note of the runtime about the log itself, such as "7 lines lost".
    Note,
}

/// One line without its line feed. A line longer than 16 KiB is split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Sequence number in the instance's log, from 1 without gaps.
    pub sequence: u64,
    /// Time at which the line was read from the container.
    pub time: Timestamp,
    /// The stream that it was written to.
    pub stream: LogStream,
    /// The line continues in the next entry of the same stream.
    #[serde(default)]
    pub partial: bool,
    /// The text; invalid UTF-8 is replaced.
    pub text: String,
}

/// A page of an instance's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The lines, in order.
    pub lines: Vec<LogLine>,
    /// Sequence number for the next call.
    pub next: u64,
    /// The instance has ended, and this is the last page.
    pub complete: bool,
}
