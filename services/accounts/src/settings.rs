//! Settings of users and tools.

use hearth_wire::tools::Quota;

hearth_kit::settings! {
    /// Users and tools.
    ///
    /// A table `[accounts.quota]` must have all of its keys.
    pub struct AccountsSettings in "accounts" {
        /// Names that no tool may have, in addition to those that Hearth itself reserves.
        reserved_names: Vec<String> = Vec::new(),
        /// Tools that one user may own.
        tools_per_user: u32 = 50,
        /// Days after which an unused session expires.
        session_days: u32 = 14,
        /// Default quota of a tool.
        quota: Quota = Quota::default() => Quota,
    }
}
