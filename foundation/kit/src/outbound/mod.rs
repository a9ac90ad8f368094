//! The one way out for whatever is fetched for users: public addresses only, looked at again for every connection
//! and every redirect, with limits on size and time. Only operators make exceptions and name mirrors.

mod address;
mod connect;
mod exception;
mod fetch;
mod mirrors;

pub use address::is_public;
pub use connect::{Dialer, Outbound};
pub use exception::Exception;
pub use fetch::{Fetched, Limits};
pub use mirrors::Mirrors;
