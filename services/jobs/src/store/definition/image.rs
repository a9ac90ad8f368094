//! The image that a job was resolved to.

use std::collections::BTreeMap;

use hearth_base::Digest;
use hearth_runtime_api::{Compression, LayerId};
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
