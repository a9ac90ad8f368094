//! Validation of workloads of previews, which are isolated from their tool.

use hearth_base::Result;

use crate::{Isolation, MountSource, Workload, check::refuse_workload};

impl Workload {
    /// Refuses what would connect a preview to its tool or to Hearth: storage, endpoints, and for its runs also Hearth's
    /// services and the credential of a run, which is a refreshed file. A build needs the services, to fetch its source
    /// and packages, and a build cache for its steps, which is the preview's own.
    pub(crate) fn check_preview(&self) -> Result<()> {
        let storage = self.mounts.iter().find(|mount| mount.source != MountSource::BuildCache);
        let refused = if let Some(mount) = storage {
            Some(format!(
                "workload of a preview mounts storage: {:.200?}; allowed: a build's cache",
                mount.at
            ))
        } else if let Some(endpoint) = self.network.grants.first() {
            Some(format!("workload of a preview has the endpoint {endpoint}; allowed: no endpoints"))
        } else if self.isolation == Isolation::Build {
            None
        } else if !self.network.without_services {
            Some("workload of a preview reaches Hearth's services; allowed: for its builds only".to_owned())
        } else {
            self.files.first().map(|file| {
                format!("workload of a preview has a refreshed file: {:.200?}; allowed: none", file.path)
            })
        };
        refused.map_or(Ok(()), |what| Err(refuse_workload(what)))
    }
}
