//! Settings of the edge.

hearth_kit::settings! {
    /// Web pages of tools.
    pub struct EdgeSettings in "edge" {
        /// Connect timeout to a tool's instance, in seconds.
        connect_timeout: u64 = 5,
        /// Time limit for the start of a tool's response, in seconds.
        answer_timeout: u64 = 60,
        /// Maximum number of concurrent requests to the pages of one tool.
        visits_per_tool: usize = 256,
    }
}
