//! System calls that the kept crates don't offer, each as one safe function.

pub mod child;
pub mod files;
pub mod ids;
pub mod loops;
pub mod memory;
pub mod mounts;
pub mod privileges;
pub mod ready;
