//! What an operator decides about the runtime of one machine.

use std::{net::SocketAddrV4, path::PathBuf};

use hearth_runtime_api::engine::Pauses;
use serde::{Deserialize, Serialize};

/// Settings of one Hearth's runtime on this machine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Tells several Hearths on one host apart: 1 to 8 lower-case letters and digits.
    pub instance: String,
    /// Where everything is kept that survives a reboot. Closed to all but root.
    pub state: PathBuf,
    /// The first id of the host that containers use; a multiple of 65536, with room for all tools behind it.
    pub ids: u32,
    /// What containers reach of this host, as ports of `hearth.internal`.
    pub doors: Vec<Doorway>,
    /// How long to wait before something that ended is started again.
    pub pauses: Pauses,
    /// How many bytes of a container's log are kept until somebody takes them.
    pub log_bytes: u64,
    /// Whether the helper of a container becomes a small program once the container runs. Else it stays as large as
    /// it begins; everything works as well.
    pub small_helpers: bool,
    /// The most that one layer may unpack to.
    pub layer: LayerCaps,
}

/// A service of this host that containers reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doorway {
    /// Its port at `hearth.internal`.
    pub port: u16,
    /// Where it listens: on the loopback, or at an address of this host.
    pub to: SocketAddrV4,
}

/// The most that one layer may unpack to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct LayerCaps {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files, folders and links.
    pub entries: u64,
}

impl Default for LayerCaps {
    fn default() -> Self {
        Self { bytes: 16 << 30, entries: 1_000_000 }
    }
}

impl Settings {
    /// The usual settings for an instance whose state is kept in a folder.
    pub fn new(instance: impl Into<String>, state: impl Into<PathBuf>) -> Self {
        Self {
            instance: instance.into(),
            state: state.into(),
            ids: 0x1000_0000,
            doors: Vec::new(),
            pauses: Pauses::default(),
            log_bytes: 16 << 20,
            small_helpers: true,
            layer: LayerCaps::default(),
        }
    }
}
