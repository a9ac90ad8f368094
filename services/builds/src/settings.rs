//! Settings of the build service.

hearth_kit::settings! {
    /// Builds.
    pub struct BuildsSettings in "builds" {
        /// Time limit of one build, in minutes.
        time_limit: u32 = 30,
        /// Largest archive of an uploaded folder, in bytes.
        upload_limit: u64 = 256 << 20,
        /// Ended builds to keep for each tool.
        kept: u32 = 50,
    }
}
