//! Endpoints, one file per resource: extract, call a rule, reply.

pub mod audit;
pub mod deploy_tokens;
pub mod internal;
pub mod invitations;
pub mod mandates;
pub mod members;
pub mod memberships;
pub mod profile;
pub mod quota;
pub mod recovery;
pub mod requests;
pub mod sessions;
pub mod tokens;
pub mod tool_requests;
pub mod tool_tokens;
pub mod tools;
pub mod users;
mod views;
