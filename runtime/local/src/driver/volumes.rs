//! The storage that a container mounts.

use std::path::PathBuf;

use hearth_base::Result;
use hearth_runtime_api::{Feature, InstanceId, Owner, Workload};

use super::ContainerManager;
use crate::{
    helper::config::{HelperConfig, Volume},
    storage::StorageKind,
};

impl ContainerManager {
    /// Makes the storage that a workload mounts, if it does not exist.
    pub(super) fn prepare_volumes(
        &self,
        instance: InstanceId,
        workload: &Workload,
        number: u32,
    ) -> Result<Vec<Volume>> {
        let may_run = self.may_run_containers(workload.owner, Some(instance));
        let volumes = workload.mounts.iter().map(|mount| {
            let kind = StorageKind::from_source(&mount.source);
            let kind = kind.ok_or_else(|| Feature::Volume.to_unsupported_error())?;
            let place = self.storage.prepare_storage(number, kind, &workload.process.user, may_run)?;
            let (at, read_only) = (mount.at.clone(), mount.read_only);
            Ok(Volume { source: place.path, disk: place.disk, at, read_only })
        });
        volumes.collect()
    }

    /// Lists the disk files that the container of an instance could write to.
    pub fn list_writable_disks(&self, instance: InstanceId) -> Vec<PathBuf> {
        let config = HelperConfig::read(&self.layout.instance_folder(instance));
        let volumes = config.map(|config| config.volumes).unwrap_or_default().into_iter();
        volumes
            .filter(|volume| volume.disk.is_some() && !volume.read_only)
            .map(|volume| volume.source)
            .collect()
    }

    /// True if a container of the owner may use its storage or its number now. `except` is the instance that asks.
    pub fn may_run_containers(&self, owner: Owner, except: Option<InstanceId>) -> bool {
        // A start that has not joined the network yet may have the same owner.
        self.networks.has_container(owner)
            || self.lock_starting().iter().any(|starting| Some(*starting) != except)
    }
}
