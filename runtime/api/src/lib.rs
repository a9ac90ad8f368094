//! The interface of a container runtime and its shared logic. This machine, a cluster and a fake implement
//! it.
//!
//! This crate does not know the public API, database tables or users, and it starts no container.

mod check;
mod check_preview;
#[expect(clippy::expect_used, clippy::panic, reason = "test code: a failed expectation ends the test")]
pub mod conformance;
mod doctor;
pub mod engine;
mod exec;
pub mod fake;
mod feature;
mod files;
mod ids;
mod image;
mod logs;
mod network;
mod owner;
mod probe;
mod rollout;
mod runtime;
mod state;
mod storage;
mod tool_slots;
mod usage;
mod user;
pub mod wire;
mod workload;

pub use doctor::{CheckVerdict, HostCheck, HostReport};
pub use exec::{ExecInput, ExecOutput, ExecRequest, ExecSession, TerminalSize};
pub use feature::Feature;
pub use files::{FileEntry, FileFailure, FileKind, FileListing, FileReply, FileRequest, StorageUsage};
pub use ids::{InstanceId, RunId, SetId, WorkloadId};
pub use image::{
    ByteStream, Compression, ImageReference, ImageSource, LayerDescriptor, RegistryCredential, ResolvedImage,
};
pub use logs::{LogLine, LogPage, LogStream};
pub use network::{Network, NetworkMode};
pub use owner::Owner;
pub use probe::{
    FailureCode, Health, HttpExpectation, Probe, ProbeCheck, ProbeFailure, ProbeOutcome, ProbePurpose,
    ProbeTerms, ProbeTracker, Probes, StartupProbe, probe_address,
};
pub use rollout::{Rollout, SurgeUntil};
pub use runtime::Runtime;
pub use state::{ContainerOutcome, Cursor, InstanceState, Observation, Phase, Termination, WorkloadState};
pub use storage::{
    FileProtocol, FileRefresh, FileSession, Mount, MountSource, NamedVolume, RefreshedFile, VolumeAccess,
};
pub use tool_slots::{TOOL_NETWORK_PREFIX_BITS, ToolSlice, ToolSlot, ToolSlotLimits, ToolSlots};
pub use usage::Usage;
pub use user::ContainerUser;
pub use workload::{Isolation, Process, ResourceLimits, Version, Workload, WorkloadKind};
