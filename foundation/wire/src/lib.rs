//! The public API's types, a module per service, and the few that services say only to each other.
//!
//! Types here describe what is on the wire and decide nothing. Schema names carry the service.

pub mod accounts;
pub mod builds;
pub mod components;
pub mod envvars;
pub mod events;
mod flag;
pub mod images;
pub mod jobs;
pub mod logs;
pub mod notify;
pub mod queue;
pub mod reply;
pub mod tools;
pub mod topics;
