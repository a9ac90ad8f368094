//! The one way out for whatever is fetched for users: public addresses only, looked at again for every connection
//! and every redirect, with limits on size and time. Only operators make exceptions.

mod address;
mod connect;
mod exception;
mod fetch;

pub use address::is_public;
pub use connect::{Dialer, Outbound};
pub use exception::Exception;
pub use fetch::{Fetched, Limits};
