//! Typed client of every service, over HTTP or directly into a router of this process.
//!
//! A [`Client`] consists of a [`Transport`], which sends requests, and an [`Authority`], which adds the
//! credential. Services, the CLI and the tests use it, so requests and errors are handled in one place.

mod authority;
mod call;
mod calls;
mod refusal;
mod transport;

pub mod headers;

pub use authority::{Anonymous, Authority, Bearer, DelegatedAuthority, ServiceAuthority};
pub use call::{Call, Client};
pub use calls::*;
pub use transport::{Body, BoxError, LocalService, LocalSlot, Transport, box_body};
