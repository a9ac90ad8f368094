//! Safe wrappers for system calls that the allowed crates do not offer.

pub mod child;
pub mod ids;
pub mod loop_device;
pub mod memory;
pub mod mounts;
pub mod open_files;
pub mod privileges;
pub mod readable_fd;
pub mod trim;
