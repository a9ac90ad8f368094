//! Tests of the local runtime as a process behind its socket. They need root.
#![expect(clippy::expect_used, clippy::panic, reason = "a failed step of the set-up fails the test")]

mod adoption;
mod conformance;
mod disk_guard;
mod escape;
mod exec;
mod fixture;
mod layer_limits;
mod layers;
mod network;
mod previews;
mod probes;
mod stop;
mod storage;
mod waiter;
