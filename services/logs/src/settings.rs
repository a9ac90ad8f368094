//! Settings of logs.

use hearth_base::Memory;

hearth_kit::settings! {
    /// Logs.
    pub struct LogsSettings in "logs" {
        /// Days for which lines are kept.
        days: u16 = 30,
        /// Size of one tool's lines in the database; beyond it the oldest lines of the tool's largest log are
        /// deleted.
        tool_size: Memory = Memory::from_mib(256),
        /// Size of what one container may write within an hour; lines beyond it are only counted.
        hour_size: Memory = Memory::from_mib(64),
    }
}
