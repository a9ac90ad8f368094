//! Containers on this machine: the one process with root's powers, and a helper for each container.
//!
//! It parses nothing that came from the internet: layers are unpacked, names looked up, and probes
//! sent, in sandboxes.

mod adopt;
mod again;
mod blanks;
mod caps;
mod cgroup;
mod clear;
mod disk;
mod dispatch;
mod doctor;
mod driver;
mod exec;
mod failure;
#[doc(hidden)]
pub mod fuzzing;
mod helper;
mod images;
mod journal;
mod layers;
mod logs;
mod names;
mod network;
mod probes;
mod programs;
mod runtime;
mod seccomp;
mod secrets;
mod settings;
mod sys;
mod tools;

pub use clear::clear;
pub use dispatch::run_if_helper;
pub use doctor::look as doctor;
pub use runtime::Local;
pub use settings::{Doorway, Settings};
pub use sys::memory::{be_thrifty, give_back};
