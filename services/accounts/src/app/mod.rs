//! The rules. No HTTP, no SQL.

pub mod guesses;
pub mod invitations;
pub mod join;
pub mod mandates;
pub mod members;
pub mod quota;
pub mod resolve;
pub mod run_tokens;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod tokens;
pub mod tool_delete;
pub mod tools;
pub mod users;
