//! The runtime of this machine, as its own process behind its socket. Needs root, and says so without.

mod adoption;
mod conformance;
mod escape;
mod layers;
mod network;
mod rig;
