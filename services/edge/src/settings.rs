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
        /// Time limit for a sleeping page to wake, in seconds. Its visitors are held meanwhile.
        wake_timeout: u64 = 30,
        /// Maximum number of requests that are held until their page has woken.
        held_visits: usize = 1024,
        /// Maximum number of requests that are held for one tool.
        held_visits_per_tool: usize = 64,
    }
}
