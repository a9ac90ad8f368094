//! The runtime's Unix socket: one connection per call, frames of a length, a kind and a payload.
//!
//! A connection begins with one JSON frame, the call with the protocol's version, and is answered by one JSON
//! frame. Layers and streams of programs follow as frames of bytes. Unknown fields are ignored, so that
//! neighbouring releases understand each other.

mod call;
mod client;
mod exec;
mod failure;
mod frame;
mod server;

pub use client::Socket;
pub use server::{Callers, serve};

/// The protocol's version. A server answers this one and all before it.
pub const VERSION: u32 = 1;
