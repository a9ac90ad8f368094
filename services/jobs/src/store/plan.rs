//! What is kept of a workload: all that it takes to start it, but for the values of the tool's variables.

use std::collections::BTreeMap;

use hearth_base::{Cpu, Digest, JobName, Memory, ToolName};
use hearth_runtime_api::{Compression, LayerId};
use hearth_wire::jobs::HealthCheck;
use serde::{Deserialize, Serialize};

/// An image, resolved: by digest, for ever the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its short name, as people know it.
    pub image: String,
    /// Its whole name with the digest.
    pub reference: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// How it is: `stable`, `deprecated`.
    pub state: String,
    /// Whether the operator provides it, for all tools.
    pub provided: bool,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// How it wants to be started.
    pub config: ImageConfig,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The digest of the bytes as they are stored.
    pub digest: Digest,
    /// The layer as the runtime knows it.
    pub id: LayerId,
    /// How the bytes are compressed.
    pub compression: Compression,
}

/// How an image wants to be started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// Environment variables, as `NAME=value`.
    pub env: Vec<String>,
    /// The program that gets the command, when there is one.
    pub entrypoint: Vec<String>,
    /// What is started when no command is given.
    pub cmd: Vec<String>,
    /// Where it starts.
    pub working_dir: String,
    /// Whom it runs as.
    pub user: String,
    /// What else its builder said of it.
    pub labels: BTreeMap<String, String>,
}

/// What a workload runs, but for the values of the tool's variables, which are read when it is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The job's name, by which the tool's other containers find it.
    pub job: JobName,
    /// The tool's name.
    pub tool: ToolName,
    /// The image.
    pub image: Image,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Environment variables that Hearth and the image set.
    pub env: BTreeMap<String, String>,
    /// Where it starts.
    pub cwd: String,
    /// Whom it runs as: user and group.
    pub user: (u32, u32),
    /// Where the tool's home is mounted, if it is.
    pub home: Option<String>,
    /// The most memory.
    pub memory: Memory,
    /// The most processor time.
    pub cpu: Cpu,
    /// The most processes and threads.
    pub processes: u32,
    /// The longest that it runs, in seconds.
    pub timeout: Option<u32>,
    /// How long after the signal to stop it is killed, in seconds.
    pub grace: u32,
    /// How many run side by side.
    pub replicas: u16,
    /// Counts wanted restarts.
    pub restart: u64,
    /// How often a run is tried again.
    pub retry: u8,
    /// The TCP port it listens on.
    pub port: Option<u16>,
    /// Whether what listens there is the tool's page, and so speaks HTTP.
    #[serde(default)]
    pub publish: bool,
    /// How to find out that it is ready.
    pub health: Option<HealthCheck>,
    /// What it replaces is ready, and goes on until this is.
    #[serde(default)]
    pub await_ready: bool,
}

impl Plan {
    /// Whether a container that was started for this plan serves another as well.
    pub fn same_container(&self, other: &Self) -> bool {
        let plain = |plan: &Self| Self {
            replicas: 0,
            retry: 0,
            port: None,
            publish: false,
            health: None,
            await_ready: false,
            ..plan.clone()
        };
        plain(self) == plain(other)
    }

    /// Whether being ready is more than running.
    pub fn is_probed(&self) -> bool {
        self.port.is_some() || self.health.is_some()
    }
}
