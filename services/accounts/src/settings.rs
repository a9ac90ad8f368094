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
        /// Failed sign-ins for one name from one address, or from one known device, until further ones are refused.
        sign_in_attempts: u32 = 10,
        /// Failed sign-ins for one name from all addresses. Devices that have signed in before are not affected.
        sign_in_attempts_per_name: u32 = 100,
        /// Failed sign-ins from one address for all names.
        sign_in_attempts_per_address: u32 = 100,
        /// Minutes after the last failed sign-in for which further ones are refused.
        sign_in_lock_minutes: u32 = 15,
        /// Days after its last sign-in for which a device is known.
        device_days: u32 = 90,
        /// Mails with a code that one user may request within `sign_in_lock_minutes`.
        code_mails_per_user: u32 = 3,
        /// Days for which the audit log is kept; 0 for ever. It holds the addresses of clients.
        audit_days: u32 = 365,
        /// Refused changes of one caller that the audit log records within `sign_in_lock_minutes`.
        refused_changes_per_caller: u32 = 50,
        /// Days for which only an operator gives the name of a deleted tool again.
        tombstone_days: u32 = 365,
        /// Open requests of one tool to the operators.
        open_requests_per_tool: u32 = 10,
        /// Open requests that one user made for all tools.
        open_requests_per_user: u32 = 20,
        /// Requests that one user makes for all tools within a day; withdrawn ones count. The requests of a tool with a
        /// token of its own count for the tool's first owner.
        daily_requests_per_user: u32 = 60,
        /// Days after its decision for which a request is kept.
        request_days: u32 = 365,
        /// Default quota of a tool.
        quota: Quota = Quota::default() => Quota,
    }
}
