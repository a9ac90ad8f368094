//! Typed calls to every service, by URL or straight into a router of this process.
//!
//! A [`Client`] is a [`Transport`] and an [`Authority`]: how requests travel, and what they show. Services,
//! the CLI and the tests all speak through it, so there is one way to make a request and to read a refusal.

mod authority;
mod call;
mod calls;
mod refusal;
mod transport;

pub mod headers;

pub use authority::{Acting, Anonymous, Authority, Bearer, ServiceAuthority};
pub use call::{Call, Client};
pub use calls::*;
pub use transport::{Body, BoxError, Exchange, Local, Transport, body};
