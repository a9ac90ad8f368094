//! The image that a job was resolved to.

use std::collections::BTreeMap;

use hearth_base::{Digest, Result};
use hearth_runtime_api::LayerDescriptor;
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
    pub layers: Vec<LayerDescriptor>,
    /// How it wants to be started.
    pub config: ImageConfig,
}

impl Image {
    /// The image as the runtime knows it.
    pub fn to_runtime(&self) -> Result<hearth_runtime_api::Image> {
        Ok(hearth_runtime_api::Image { reference: self.reference.parse()?, layers: self.layers.clone() })
    }
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
