//! Settings of this service.

hearth_kit::settings! {
    /// Files of tools.
    pub struct StorageSettings in "storage" {
        /// Maximum bytes of one file that is written by the API.
        file_limit: u64 = 4 << 30,
        /// Maximum requests about files at a time, of all tools together.
        sessions: u32 = 32,
        /// Maximum requests about files of one person at a time, in all tools together; further ones wait. The
        /// requests of a tool with a token of its own count for the tool's first owner.
        sessions_per_person: u32 = 8,
        /// Maximum requests about files of one tool at a time; further ones wait.
        sessions_per_tool: u32 = 4,
    }
}
