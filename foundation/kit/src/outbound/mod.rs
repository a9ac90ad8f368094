//! Outbound connections on behalf of users: public addresses only, checked for every connection and every redirect,
//! with limits on size and time. Exceptions and mirrors are set by operators.

mod address;
mod connect;
mod exception;
mod fetch;
mod mirrors;

pub use address::is_public_address;
pub use connect::{OutboundClient, OutboundConnector};
pub use exception::OutboundException;
pub use fetch::{FetchLimits, FetchedDocument};
pub use mirrors::Mirrors;
