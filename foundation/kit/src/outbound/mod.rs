//! Outbound connections on behalf of users: public addresses of other hosts only, checked for every connection and every redirect,
//! with limits on size and time. Exceptions and mirrors are set by operators.

mod address;
mod connect;
mod exception;
mod fetch;
mod mirrors;
mod names;
mod refused_network;

pub use address::{is_own_address, is_public_address};
pub use connect::{OutboundClient, OutboundConnector};
pub use exception::OutboundException;
pub use fetch::{DocumentRequest, DocumentStream, FetchLimits, FetchedDocument, read_redirect_target};
pub use mirrors::Mirrors;
pub use refused_network::RefusedNetwork;
