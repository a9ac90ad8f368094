//! Container runtime of one machine: one process that runs as root, and a helper process for each container.
//!
//! The root process parses no input from the internet: sandboxed subprocesses unpack layers, answer DNS
//! queries and send probes.

mod adoption;
mod capabilities;
mod cgroup;
mod cleanup;
mod disk_floor;
mod disk_guard;
mod disk_templates;
mod dispatch;
mod dns;
mod doctor;
mod driver;
mod exec;
mod files;
#[doc(hidden)]
pub mod fuzzing;
mod helper;
mod host_error;
mod images;
mod journal;
mod layers;
mod logs;
mod network;
mod number_owner;
mod previews;
mod probes;
mod programs;
mod reexec;
mod refreshed_files;
mod runtime;
mod seccomp;
mod secrets;
mod settings;
mod state_files;
mod state_format;
mod storage;
mod sys;
mod tools;

pub use cleanup::remove_host_resources;
pub use dispatch::run_if_subprocess;
pub use doctor::check_host;
pub use runtime::LocalRuntime;
pub use settings::{LayerLimits, LocalRuntimeSettings, PortForward};
pub use state_format::StateFormat;
pub use storage::StorageQuota;
pub use sys::{
    memory::{init_memory_trimming, trim_memory},
    open_files::raise_open_file_limit,
};
