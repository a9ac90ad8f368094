//! Settings of the build service.

use std::collections::BTreeMap;

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
        /// Builds that run at one time, on all builders.
        running_builds: u32 = 64,
        /// Builds that one builder runs at one time, whatever it offers.
        builder_slots: u32 = 16,
        /// Seconds that a build is expected to take, by the median of the tool's past builds, from which it counts as
        /// long. Long builds leave a quarter of the slots free for others.
        long_build: u32 = 300,
        /// Builds in a row that a builder fails for reasons outside of their sources before it is suspended. The only
        /// builder is never suspended by this.
        builder_failures: u32 = 3,
        /// Minutes for which it is suspended.
        builder_pause: u32 = 10,
        /// Maximum lines of a build's log that an outside builder may send.
        outside_log_line_limit: u64 = 50_000,
        /// Labels that a builder must have to get the builds of a tool: `"tool-name" = "label"`.
        builder_labels: BTreeMap<String, String> = BTreeMap::new(),
    }
}
