//! Settings of people and tools.

use hearth_wire::tools::Quota;

hearth_kit::settings! {
    /// People and tools.
    ///
    /// A table `[accounts.quota]` names all of its keys.
    pub struct AccountsSettings in "accounts" {
        /// Names that no tool may have, beside those that Hearth itself needs.
        reserved_names: Vec<String> = Vec::new(),
        /// Tools that one user may own.
        tools_per_user: u32 = 50,
        /// Days for which a session lasts without use.
        session_days: u32 = 14,
        /// Quota of a tool unless an operator says otherwise.
        quota: Quota = Quota::default() => Quota,
    }
}
