//! At the start: what an earlier process has begun is found again, and what it left behind is cleared.

use std::{collections::BTreeMap, fs, sync::Arc};

use hearth_base::Result;
use hearth_runtime_api::{
    InstanceId, Phase, WorkloadId,
    engine::{Kept, Known, Tracked},
};

use crate::{
    cgroup, disk,
    driver::Helpers,
    failure::Doing,
    helper::{
        brief::Brief,
        files::{self, Exit, StoredHealth},
    },
    journal::Files,
};

/// Everything that is known, and the instances whose helpers still live.
pub fn find(helpers: &Arc<Helpers>, files: &Files) -> Result<(Known, Vec<InstanceId>)> {
    let wanted: BTreeMap<WorkloadId, Kept> =
        files.wanted()?.into_iter().map(|kept| (kept.workload.id(), kept)).collect();
    let gone = files.gone()?;
    let mut tracked: BTreeMap<WorkloadId, Vec<Tracked>> = BTreeMap::new();
    let mut alive = Vec::new();
    for instance in instances(helpers)? {
        match wanted.get(&instance.workload) {
            Some(kept) => {
                let (found, lives) = look(helpers, instance, kept);
                if lives {
                    if let Some(link) =
                        Brief::read(&helpers.disk.folder_of(instance)).ok().and_then(|brief| brief.link)
                    {
                        helpers.networks.adopt(instance, &found.workload, link);
                    }
                    alive.push(instance);
                }
                tracked.entry(instance.workload).or_default().push(found);
            }
            None if gone.iter().any(|(id, _)| *id == instance.workload) => {
                helpers.clear(instance);
            }
            None => tracing::warn!(%instance, "a container is there that nobody asked for; it is left alone"),
        }
    }
    helpers.networks.start(&helpers.settings.doors)?;
    clear(helpers, &alive);
    let workloads = wanted.into_iter().map(|(id, kept)| (kept, tracked.remove(&id).unwrap_or_default()));
    Ok((Known { workloads: workloads.collect(), gone }, alive))
}

fn instances(helpers: &Helpers) -> Result<Vec<InstanceId>> {
    let entries = fs::read_dir(helpers.disk.runs()).doing("listing the containers")?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

fn look(helpers: &Arc<Helpers>, instance: InstanceId, kept: &Kept) -> (Tracked, bool) {
    let folder = helpers.disk.folder_of(instance);
    let workload =
        Brief::read(&folder).map_or_else(|_| Arc::clone(&kept.workload), |brief| Arc::new(brief.workload));
    let began = helpers.began(instance);
    let helper = began.as_ref().and_then(|began| began.helper.open());
    let exit = files::read::<Exit>(&folder, files::EXIT).ok().flatten();
    let (phase, lives) = match (exit, helper, began.and_then(|began| began.init)) {
        (Some(exit), ..) => (Phase::Ended(exit.outcome), false),
        (None, Some(_), Some(init)) => (Phase::Running { since: init.since, address: init.address }, true),
        (None, Some(_), None) => (Phase::Starting, true),
        (None, None, _) => (Phase::Ended(helpers.lost(instance)), false),
    };
    // Whose health was not kept is probed anew.
    let stored = files::read::<StoredHealth>(&folder, files::HEALTH).ok().flatten();
    let health = stored.map(|stored| stored.health).unwrap_or_default();
    (Tracked::new(instance, workload, phase, health), lives)
}

/// Removes control groups and upper folders of containers that are no more.
fn clear(helpers: &Helpers, alive: &[InstanceId]) {
    let lives = |name: &str| alive.iter().any(|instance| instance.to_string() == name);
    let parent = format!("/hearth/{}", helpers.settings.instance);
    for name in cgroup::children(&parent).into_iter().filter(|name| !lives(name)) {
        let group = cgroup::group(&format!("{parent}/{name}"));
        if let Err(error) = group.kill().and_then(|()| group.remove()) {
            tracing::warn!(%error, group = name, "a control group of a dead container stays");
        }
    }
    let boxes = helpers.disk.boxes();
    for entry in fs::read_dir(boxes).into_iter().flatten().filter_map(|entry| entry.ok()) {
        if !lives(&entry.file_name().to_string_lossy())
            && let Err(error) = disk::remove(&entry.path())
        {
            tracing::warn!(%error, folder = %entry.path().display(), "what a dead container wrote stays");
        }
    }
}
