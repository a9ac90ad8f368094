//! Lines that containers wrote, in order, each with its place.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// Nowhere: the runtime says something about the log itself, such as "7 lines lost".
    Note,
}

/// One line, without its end. A longer one than 16 KiB comes in pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its place in the instance's log, from 1 without gaps.
    pub sequence: u64,
    /// When it was read from the container.
    pub time: Timestamp,
    /// Where it was written.
    pub stream: Stream,
    /// The line goes on in the next one of the same stream.
    #[serde(default)]
    pub partial: bool,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// Some lines of an instance's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The lines, in order.
    pub lines: Vec<LogLine>,
    /// The sequence to ask for next.
    pub next: u64,
    /// The instance has ended and these are its last lines.
    pub complete: bool,
}
