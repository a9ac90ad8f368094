//! Types of the public API, one module per service, and the few types that only services exchange.
//!
//! The types describe the wire format and contain no decisions. Schema names carry the service.

pub mod accounts;
pub mod builds;
pub mod components;
pub mod envvars;
pub mod events;
pub mod images;
pub mod jobs;
pub mod logs;
pub mod notify;
mod query_flag;
pub mod queue;
pub mod reply;
pub mod storage;
pub mod tools;
pub mod topics;
