//! A user inside a container.

use serde::{Deserialize, Serialize};

/// A user inside a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user's number, below 65536.
    pub uid: u32,
    /// The group's number, below 65536.
    pub gid: u32,
    /// Further groups.
    #[serde(default)]
    pub groups: Vec<u32>,
}
