//! Guard of the disk below running containers. Homes, build caches and the disks of containers are sparse files that
//! together may exceed the disk of the host; without room left there, the databases of Hearth cannot be written.
//!
//! | free space | effect |
//! |---|---|
//! | at least the floor | none |
//! | below the floor | new layers are refused ([`crate::disk_floor`]) |
//! | below half of the floor | the container whose disks grew most since the last look is killed |
//!
//! A killed container that is kept alive starts again after a back-off, as after any crash.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, sync::Arc, time::Duration};

use hearth_runtime_api::InstanceId;

use crate::{cgroup, driver::ContainerManager, helper::files};

/// Pause between two looks when little more than the floor is free.
const NEAR_INTERVAL: Duration = Duration::from_millis(250);
/// Pause between two looks when much more than the floor is free.
const FAR_INTERVAL: Duration = Duration::from_secs(2);
/// Multiple of the floor up to which the guard looks often.
const NEAR_FLOORS: u64 = 4;
/// Growth of the disks of a container from which on it counts as a writer: less is written by any file system.
const MIN_GROWTH_BYTES: u64 = 1 << 20;

/// Bytes on the host of the disks that each running container writes to. Containers with the same home all have it.
type DiskUse = BTreeMap<InstanceId, u64>;

/// Guards the disk until the task is dropped.
pub async fn guard_disk(manager: Arc<ContainerManager>) {
    let floor = manager.settings.min_free_disk;
    let mut before = DiskUse::new();
    loop {
        let free = manager.run_blocking(measure_free_bytes).await.flatten().unwrap_or(u64::MAX);
        if free >= floor {
            before.clear();
            let is_near = free < floor.saturating_mul(NEAR_FLOORS);
            tokio::time::sleep(if is_near { NEAR_INTERVAL } else { FAR_INTERVAL }).await;
            continue;
        }
        let now = manager.run_blocking(measure_disk_use).await.unwrap_or_default();
        if let Some(writer) = find_largest_writer(&before, &now).filter(|_| free < floor / 2) {
            tracing::warn!(instance = %writer, free, floor, "disk almost full; container that writes most killed");
            manager.run_blocking(move |manager| kill_container(manager, writer)).await;
        }
        before = now;
        tokio::time::sleep(NEAR_INTERVAL).await;
    }
}

fn measure_free_bytes(manager: &ContainerManager) -> Option<u64> {
    let disk = rustix::fs::statvfs(manager.layout.instances_folder()).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn measure_disk_use(manager: &ContainerManager) -> DiskUse {
    let folders = fs::read_dir(manager.layout.instances_folder()).into_iter().flatten().flatten();
    let instances = folders.filter(|folder| !folder.path().join(files::EXIT_FILE).exists());
    let instances = instances.filter_map(|folder| folder.file_name().to_str()?.parse::<InstanceId>().ok());
    let measure = |instance: InstanceId| {
        let mut disks = manager.list_writable_disks(instance);
        disks.push(manager.layout.upper_path(instance));
        let sizes = disks.iter().filter_map(|disk| fs::metadata(disk).ok()).map(|disk| disk.blocks() * 512);
        (instance, sizes.sum())
    };
    instances.map(measure).collect()
}

/// Finds the container whose disks grew most. One that started meanwhile has no growth yet.
fn find_largest_writer(before: &DiskUse, now: &DiskUse) -> Option<InstanceId> {
    let growths = now.iter().filter_map(|(instance, bytes)| {
        let growth = bytes.saturating_sub(*before.get(instance)?);
        (growth >= MIN_GROWTH_BYTES).then_some((growth, *instance))
    });
    growths.max().map(|(_, instance)| instance)
}

fn kill_container(manager: &ContainerManager, instance: InstanceId) {
    if let Err(error) = cgroup::open_cgroup(&manager.cgroup_path(instance)).kill_processes() {
        tracing::warn!(%error, %instance, "container not killed");
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::Entropy;
    use hearth_runtime_api::RunId;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn largest_writer_is_the_container_with_the_most_growth() {
        let [quiet, writer, new] =
            [(); 3].map(|()| InstanceId::from_run(RunId::new(Timestamp::UNIX_EPOCH, &Entropy::System)));
        let before = DiskUse::from([(quiet, 100 << 20), (writer, 10 << 20)]);
        let now = DiskUse::from([(quiet, (100 << 20) + 4096), (writer, 30 << 20), (new, 500 << 20)]);
        assert_eq!(find_largest_writer(&before, &now), Some(writer));
        assert_eq!(find_largest_writer(&now, &now), None);
        assert_eq!(find_largest_writer(&DiskUse::new(), &now), None);
    }
}
