//! Settings of builds.

hearth_kit::settings! {
    /// Builds.
    pub struct BuildsSettings in "builds" {
        /// Longest time of one build, in minutes.
        time_limit: u32 = 30,
        /// Largest archive of an uploaded folder, in bytes.
        upload_limit: u64 = 256 << 20,
        /// Finished builds that are kept of each tool.
        kept: u32 = 50,
    }
}
