//! The user that a process runs as inside a container.

use serde::{Deserialize, Serialize};

/// A user inside a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerUser {
    /// User id, below 65536.
    pub uid: u32,
    /// Group id, below 65536.
    pub gid: u32,
    /// Supplementary group ids.
    #[serde(default)]
    pub groups: Vec<u32>,
}
