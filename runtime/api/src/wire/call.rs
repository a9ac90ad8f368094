//! Messages of the socket protocol.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Digest, ToolId};
use serde::{Deserialize, Serialize};

use crate::{
    Cursor, ExecRequest, FileRefresh, FileSession, HostReport, InstanceId, LayerDescriptor, LogPage,
    Observation, ResolvedImage, TerminalSize, Termination, Usage, Version, Workload, WorkloadId,
    wire::failure::ErrorMessage,
};

/// The first message of a connection: a call with the client's protocol version.
#[derive(Debug, Serialize, Deserialize)]
pub struct CallEnvelope {
    /// The client's protocol version.
    pub protocol: u32,
    #[serde(flatten)]
    pub call: Call,
}

/// A call. Each variant is a method of [`crate::Runtime`].
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
    /// Answered with [`CallAnswer::Done`]. Then the client sends byte frames and [`ProgramInput`]; the server
    /// sends byte frames, error frames and one [`ProgramOutput`].
    Exec(Box<ExecRequest>),
    Usage {},
    EnsureImage(ResolvedImage),
    /// Followed by byte frames and one [`LayerEnd`], then answered.
    AddLayer(LayerDescriptor),
    RemoveImages {
        keep: BTreeSet<Digest>,
        unused_for: Duration,
    },
    RefreshFile(FileRefresh),
    /// Answered and continued like [`Call::Exec`].
    OpenFiles(FileSession),
    Erase {
        tool: ToolId,
    },
    SealingKey {},
    Doctor {},
}

/// The answer to a call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", content = "with", rename_all = "kebab-case")]
pub enum CallAnswer {
    Done,
    Observation(Observation),
    Log(LogPage),
    Usage(Vec<Usage>),
    Layers(Vec<LayerDescriptor>),
    Images(Vec<Digest>),
    SealingKey(String),
    Report(HostReport),
    Failed(ErrorMessage),
}

/// The end of a layer's bytes. Its absence means that the connection broke.
#[derive(Debug, Serialize, Deserialize)]
pub struct LayerEnd {}

/// A control message to a running program.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", content = "with", rename_all = "kebab-case")]
pub enum ProgramInput {
    Close,
    Resize(TerminalSize),
}

/// The last message from a program.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", content = "with", rename_all = "kebab-case")]
pub enum ProgramOutput {
    Ended(Termination),
}
