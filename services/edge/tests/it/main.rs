//! The edge between visitors and instances: real connections on both sides, with a fake `jobs`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test panics on unexpected results; its fake services are tasks of their own"
)]

mod fixture;
mod forwarding;
mod hosts;
mod isolation;
mod misbehavior;
mod page_sleep;
mod routes;
