//! Features that a workload may ask for and a runtime may lack. A runtime refuses each by a code of its own.

use hearth_base::{Error, Kind};

/// Something that not every runtime executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Workloads of Hearth itself.
    HearthOwner,
    /// Images that the runtime fetches from a registry.
    ImagePull,
    /// Images whose layers the caller brings.
    ImageDelivery,
    /// Named volumes.
    Volume,
    /// The network modes `none` and `index`.
    NetworkMode,
    /// Grants to endpoints.
    NetworkGrant,
    /// Files that the caller renews.
    RefreshedFile,
    /// Access to files from outside a container.
    FileSession,
    /// Roll-outs that start nothing beside what runs, or only so much at one time.
    Rollout,
}

impl Feature {
    /// The code by which a runtime without it refuses it.
    pub fn code(self) -> &'static str {
        match self {
            Self::HearthOwner => "workload-owner-unsupported",
            Self::ImagePull => "workload-image-pull-unsupported",
            Self::ImageDelivery => "workload-image-delivery-unsupported",
            Self::Volume => "workload-volume-unsupported",
            Self::NetworkMode => "workload-network-unsupported",
            Self::NetworkGrant => "workload-grant-unsupported",
            Self::RefreshedFile => "workload-file-unsupported",
            Self::FileSession => "file-session-unsupported",
            Self::Rollout => "workload-rollout-unsupported",
        }
    }

    /// The refusal of a runtime without it.
    pub fn unsupported(self) -> Error {
        let what = match self {
            Self::HearthOwner => "workloads of Hearth itself",
            Self::ImagePull => "images that it has to fetch from a registry",
            Self::ImageDelivery => "images whose layers are brought to it",
            Self::Volume => "named volumes",
            Self::NetworkMode => "the network modes none and index",
            Self::NetworkGrant => "grants to endpoints",
            Self::RefreshedFile => "files that are renewed while a container runs",
            Self::FileSession => "access to files from outside a container",
            Self::Rollout => "a roll-out that recreates containers or limits how many start at one time",
        };
        Error::new(Kind::Unprocessable, self.code(), format!("this runtime does not support {what} yet"))
            .help("leave it out, or use a runtime that supports it")
    }
}
