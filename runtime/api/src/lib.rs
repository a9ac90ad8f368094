//! What a runtime of containers is asked and answers, whoever answers: this machine, a cluster or a fake.
//!
//! Nothing here knows the public API, a table or a person; nothing here makes a container.

mod check;
#[expect(clippy::expect_used, clippy::panic, reason = "these are tests: a broken promise ends them")]
pub mod conformance;
mod doctor;
pub mod engine;
mod exec;
pub mod fake;
mod feature;
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
mod usage;
mod user;
pub mod wire;
mod workload;

pub use doctor::{Check, Report, Verdict};
pub use exec::{Exec, ExecInput, ExecOutput, ExecSession, TerminalSize};
pub use feature::Feature;
pub use ids::{InstanceId, RunId, SetId, WorkloadId};
pub use image::{
    Bytes, Compression, Image, ImageReference, ImageSource, LayerDescriptor, RegistryCredential,
};
pub use logs::{LogLine, LogPage, Stream};
pub use network::{Network, NetworkMode};
pub use owner::Owner;
pub use probe::{
    Health, HttpExpectation, Probe, ProbeCheck, ProbeFailure, ProbeOutcome, ProbePurpose, ProbeTerms,
    ProbeTracker, Probes, StartupProbe, probe_address,
};
pub use rollout::{Rollout, SurgeUntil};
pub use runtime::Runtime;
pub use state::{Cursor, End, InstanceState, Observation, Outcome, Phase, WorkloadState};
pub use storage::{
    FileProtocol, FileRefresh, FileSession, Mount, MountSource, NamedVolume, RefreshedFile, VolumeAccess,
};
pub use usage::Usage;
pub use user::User;
pub use workload::{Isolation, Limits, Process, Version, Workload, WorkloadKind};
