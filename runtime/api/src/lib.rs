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
mod ids;
mod layers;
mod logs;
mod probe;
mod runtime;
mod state;
mod usage;
pub mod wire;
mod workload;

pub use doctor::{Check, Report, Verdict};
pub use exec::{Exec, ExecInput, ExecOutput, ExecSession, TerminalSize};
pub use ids::{InstanceId, RunId, SetId, WorkloadId};
pub use layers::{Bytes, Compression, LayerId, LayerSource};
pub use logs::{LogLine, LogPage, Stream};
pub use probe::{
    Health, HttpExpectation, Probe, ProbeCheck, ProbeFailure, ProbeOutcome, ProbePurpose, ProbeTerms,
    ProbeTracker, Probes, StartupProbe,
};
pub use runtime::Runtime;
pub use state::{Cursor, End, InstanceState, Observation, Outcome, Phase, WorkloadState};
pub use usage::Usage;
pub use workload::{
    Isolation, Limits, Mount, MountSource, Network, Process, User, Version, Workload, WorkloadKind,
};
