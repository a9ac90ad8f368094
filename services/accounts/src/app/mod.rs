//! Rules of the service, without HTTP and SQL.

pub mod invitations;
pub mod join;
pub mod mandates;
pub mod members;
pub mod quota;
pub mod resolution;
pub mod run_tokens;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod sign_in_attempts;
pub mod tokens;
pub mod tool_deletion;
pub mod tools;
pub mod users;
