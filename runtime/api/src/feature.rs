//! Optional features of a runtime. A runtime refuses a workload that needs an unsupported feature with that
//! feature's error code.

use hearth_base::{Error, ErrorKind};

/// A feature that not every runtime supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Workloads that Hearth itself owns.
    HearthOwner,
    /// Workloads of previews, isolated from their tool.
    PreviewOwner,
    /// Images that the runtime fetches from a registry.
    ImagePull,
    /// Images whose layers the caller delivers.
    ImageDelivery,
    /// Named volumes.
    Volume,
    /// The network modes `none` and `index`.
    NetworkMode,
    /// Grants to endpoints.
    NetworkGrant,
    /// Files whose content the caller replaces at run time.
    RefreshedFile,
    /// Access to files from outside a container.
    FileSession,
    /// Rollouts that recreate containers, or that limit the number of concurrent starts.
    Rollout,
}

impl Feature {
    /// The error code of a runtime that does not support this feature.
    pub fn to_error_code(self) -> &'static str {
        match self {
            Self::HearthOwner => "workload-owner-unsupported",
            Self::PreviewOwner => "workload-preview-unsupported",
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

    /// The error of a runtime that does not support this feature.
    pub fn to_unsupported_error(self) -> Error {
        let what = match self {
            Self::HearthOwner => "workloads of Hearth itself",
            Self::PreviewOwner => "workloads of previews",
            Self::ImagePull => "pulling images from a registry",
            Self::ImageDelivery => "images whose layers the caller delivers",
            Self::Volume => "named volumes",
            Self::NetworkMode => "the network modes none and index",
            Self::NetworkGrant => "grants to endpoints",
            Self::RefreshedFile => "files whose content changes while a container runs",
            Self::FileSession => "access to files from outside a container",
            Self::Rollout => "a rollout that recreates containers or limits concurrent starts",
        };
        Error::new(
            ErrorKind::Unprocessable,
            self.to_error_code(),
            format!("this runtime does not support {what}"),
        )
        .help("remove this from the workload, or use a runtime that supports it")
    }
}
