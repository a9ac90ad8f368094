//! The protocol of the runtime's Unix socket: one connection per call; each frame has a length, a kind and a
//! payload.
//!
//! The client sends one JSON frame with the call and the protocol version; the server answers with one JSON
//! frame. Bytes of layers and programs follow in byte frames. Both sides ignore unknown fields, so that
//! adjacent releases are compatible.

mod call;
mod client;
mod exec;
mod failure;
mod frame;
mod server;

pub use client::RuntimeClient;
pub use server::{AllowedCallers, serve};

/// The protocol version. A server accepts this version and all earlier ones.
pub const PROTOCOL_VERSION: u32 = 1;
