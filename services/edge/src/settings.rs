//! Settings of tools' pages.

hearth_kit::settings! {
    /// Tools' pages.
    pub struct EdgeSettings in "edge" {
        /// Seconds until a tool has to accept a connection.
        connect_timeout: u64 = 5,
        /// Seconds until a tool has to begin its answer.
        answer_timeout: u64 = 60,
    }
}
