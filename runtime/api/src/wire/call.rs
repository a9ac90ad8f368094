//! The messages of the socket.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Digest, ToolId};
use serde::{Deserialize, Serialize};

use crate::{
    Cursor, End, Exec, FileRefresh, FileSession, Image, InstanceId, LayerDescriptor, LogPage, Observation,
    Report, TerminalSize, Usage, Version, Workload, WorkloadId, wire::failure::Failure,
};

/// The first message of a connection.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opening {
    /// The protocol that the caller speaks.
    pub protocol: u32,
    #[serde(flatten)]
    pub call: Call,
}

/// What is asked. Each is a method of [`crate::Runtime`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "call", content = "with", rename_all = "kebab-case")]
pub enum Call {
    Apply(Box<Workload>),
    Stop {
        id: WorkloadId,
        version: Version,
        grace: Duration,
    },
    Observe {
        after: Option<Cursor>,
        wait: Duration,
    },
    Acknowledge {
        id: WorkloadId,
    },
    Logs {
        instance: InstanceId,
        sequence: u64,
        wait: Duration,
    },
    /// Answered with [`Answer::Done`]; then frames of bytes and [`ToProgram`] one way, frames of bytes, of
    /// errors and one [`FromProgram`] the other.
    Exec(Box<Exec>),
    Usage {},
    EnsureImage(Image),
    /// Followed by frames of bytes and one [`LayerEnd`], then answered.
    AddLayer(LayerDescriptor),
    RemoveImages {
        keep: BTreeSet<Digest>,
        unused_for: Duration,
    },
    RefreshFile(FileRefresh),
    /// Answered and continued as [`Call::Exec`] is.
    OpenFiles(FileSession),
    Erase {
        tool: ToolId,
    },
    SealingKey {},
    Doctor {},
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", content = "with", rename_all = "kebab-case")]
pub enum Answer {
    Done,
    Observation(Observation),
    Log(LogPage),
    Usage(Vec<Usage>),
    Layers(Vec<LayerDescriptor>),
    Images(Vec<Digest>),
    SealingKey(String),
    Report(Report),
    Failed(Failure),
}

/// The end of a layer's bytes; without it the connection broke.
#[derive(Debug, Serialize, Deserialize)]
pub struct LayerEnd {}

/// To a running program.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", content = "with", rename_all = "kebab-case")]
pub enum ToProgram {
    Close,
    Resize(TerminalSize),
}

/// From a program, last.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", content = "with", rename_all = "kebab-case")]
pub enum FromProgram {
    Ended(End),
}
