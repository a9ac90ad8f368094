//! The runtime of this machine, as its own process behind its socket. Needs root, and says so without.
#![expect(clippy::expect_used, clippy::panic, reason = "the set-up of tests: what fails here ends the test")]

mod adoption;
mod conformance;
mod escape;
mod layers;
mod network;
mod probes;
mod rig;
mod waiter;
