//! Settings of the build service.

hearth_kit::settings! {
    /// Builds.
    pub struct BuildsSettings in "builds" {
        /// Time limit of one build, in minutes.
        time_limit: u32 = 30,
        /// Largest archive of an uploaded folder, in bytes.
        upload_limit: u64 = 256 << 20,
        /// Bytes of the uploaded folders of one tool that have not expired, a day after their last use.
        tool_upload_bytes: u64 = 2 << 30,
        /// Number of these uploads.
        tool_uploads: u32 = 500,
        /// Ended builds to keep for each tool.
        kept: u32 = 50,
        /// Requests to git repositories for their refs at one time, of one tool.
        tool_ref_requests: u32 = 2,
        /// Requests to git repositories for their refs at one time, of all tools.
        ref_requests: u32 = 16,
    }
}
