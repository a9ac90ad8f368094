//! Settings of deployments.

hearth_kit::settings! {
    /// Deployments.
    pub struct ComponentsSettings in "components" {
        /// Seconds until a deployed tool has to be ready.
        start_timeout: u32 = 120,
        /// Revisions of a tool that keep their images.
        revisions_kept: u32 = 10,
    }
}
