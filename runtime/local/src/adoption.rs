//! Adoption at the start: finds the containers of an earlier runtime process, and removes the resources that
//! it left.

use std::{collections::BTreeMap, fs, sync::Arc};

use hearth_base::Result;
use hearth_runtime_api::{
    InstanceId, Phase, WorkloadId,
    engine::{RecoveredState, StoredWorkload, TrackedInstance},
};

use crate::{
    cgroup,
    driver::ContainerManager,
    helper::{
        config::HelperConfig,
        files::{self, ExitRecord, StoredHealth},
    },
    host_error::HostErrorContext,
    journal::FileJournal,
    state_files,
};

/// Loads all stored workloads with their instances, and lists the instances whose helpers still run.
pub fn adopt_containers(
    helpers: &Arc<ContainerManager>,
    files: &FileJournal,
) -> Result<(RecoveredState, Vec<InstanceId>)> {
    let stored: BTreeMap<WorkloadId, StoredWorkload> =
        files.read_desired_workloads()?.into_iter().map(|record| (record.workload.id(), record)).collect();
    let tombstones = files.read_tombstones()?;
    let mut tracked: BTreeMap<WorkloadId, Vec<TrackedInstance>> = BTreeMap::new();
    let mut running = Vec::new();
    for instance in list_instances(helpers)? {
        match stored.get(&instance.workload) {
            Some(record) => {
                let (tracked_instance, is_running) = load_instance(helpers, instance, record);
                if is_running {
                    if let Some(link) = HelperConfig::read(&helpers.layout.instance_folder(instance))
                        .ok()
                        .and_then(|config| config.link)
                    {
                        helpers.networks.adopt_container(instance, &tracked_instance.workload, link);
                    }
                    running.push(instance);
                }
                tracked.entry(instance.workload).or_default().push(tracked_instance);
            }
            None if tombstones.iter().any(|(id, _)| *id == instance.workload) => {
                helpers.remove_files(instance);
            }
            None => tracing::warn!(%instance, "container without a workload found; not touched"),
        }
    }
    helpers.networks.start(&helpers.settings)?;
    remove_stale_resources(helpers, &running);
    let workloads = stored.into_iter().map(|(id, record)| (record, tracked.remove(&id).unwrap_or_default()));
    Ok((RecoveredState { workloads: workloads.collect(), tombstones }, running))
}

fn list_instances(helpers: &ContainerManager) -> Result<Vec<InstanceId>> {
    let entries = fs::read_dir(helpers.layout.instances_folder()).with_context("listing the containers")?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

fn load_instance(
    helpers: &Arc<ContainerManager>,
    instance: InstanceId,
    record: &StoredWorkload,
) -> (TrackedInstance, bool) {
    let folder = helpers.layout.instance_folder(instance);
    let workload = HelperConfig::read(&folder)
        .map_or_else(|_| Arc::clone(&record.workload), |config| Arc::new(config.workload));
    let state = helpers.read_or_cancel_start(instance);
    let helper = state.as_ref().and_then(|state| state.helper.open_pidfd());
    let exit = files::read_file::<ExitRecord>(&folder, files::EXIT_FILE).ok().flatten();
    let (phase, is_running) = match (exit, helper, state.and_then(|state| state.init)) {
        (Some(exit), ..) => (Phase::Ended(exit.outcome), false),
        (None, Some(_), Some(init)) => (Phase::Running { since: init.since, address: init.address }, true),
        (None, Some(_), None) => (Phase::Starting, true),
        (None, None, _) => (Phase::Ended(helpers.settle_lost_instance(instance)), false),
    };
    // A container without a health file is probed from the beginning.
    let stored = files::read_file::<StoredHealth>(&folder, files::HEALTH_FILE).ok().flatten();
    let health = stored.map(|stored| stored.health).unwrap_or_default();
    (TrackedInstance::new(instance, workload, phase, health), is_running)
}

/// Removes the control groups and upper folders of containers that no longer run.
fn remove_stale_resources(helpers: &ContainerManager, running: &[InstanceId]) {
    let is_running = |name: &str| running.iter().any(|instance| instance.to_string() == name);
    let parent = format!("/hearth/{}", helpers.settings.instance);
    for name in cgroup::list_children(&parent).into_iter().filter(|name| !is_running(name)) {
        let group = cgroup::open_cgroup(&format!("{parent}/{name}"));
        if let Err(error) = group.kill_processes().and_then(|()| group.remove()) {
            tracing::warn!(%error, group = name, "control group of an ended container not removed");
        }
    }
    let uppers = helpers.layout.uppers_folder();
    for entry in fs::read_dir(uppers).into_iter().flatten().filter_map(|entry| entry.ok()) {
        if !is_running(&entry.file_name().to_string_lossy())
            && let Err(error) = state_files::remove_path(&entry.path())
        {
            tracing::warn!(%error, folder = %entry.path().display(), "upper folder of an ended container not removed");
        }
    }
}
