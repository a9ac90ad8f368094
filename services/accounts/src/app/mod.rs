//! Rules of the service, without HTTP and SQL.

pub mod account_mails;
pub mod attempts;
pub mod audited_changes;
pub mod devices;
pub mod invitations;
pub mod join;
pub mod mail_addresses;
pub mod mandates;
pub mod members;
pub mod operator_notices;
pub mod quota;
pub mod recovery;
pub mod refusals;
pub mod request_notices;
pub mod requests;
pub mod reserved_names;
pub mod resolution;
pub mod run_tokens;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod tokens;
pub mod tool_deletion;
pub mod tools;
pub mod trigger_owners;
pub mod users;
