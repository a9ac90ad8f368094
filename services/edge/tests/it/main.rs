//! The edge between visitors and instances: real connections on both sides, a stand-in for `jobs` behind it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test says what it expects; its stand-ins are tasks of its own"
)]

mod hosts;
mod odd;
mod passing;
mod rig;
mod routes;
