//! Clears away everything of one Hearth that lives on this host beside its state folder: containers, helpers,
//! control groups, links, tables. What was wanted is still wanted: the next start begins it anew.

use std::{fs, os::fd::OwnedFd, time::Duration};

use hearth_base::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    Settings, cgroup,
    disk::{self, Disk},
    failure::Doing,
    helper::files,
    network, runtime,
};

/// How long a helper may take to write down how its container ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills every container of this Hearth and removes what is left of them on the host. Refused while its process
/// runs (`already-runs`).
pub fn clear(settings: &Settings) -> Result<()> {
    runtime::check_instance(&settings.instance)?;
    let disk = Disk::open(settings)?;
    let _nobody_starts_any = runtime::lock(&disk)?;
    let helpers = helpers(&disk);
    let parent = format!("/hearth/{}", settings.instance);
    for name in cgroup::children(&parent) {
        let group = cgroup::group(&format!("{parent}/{name}"));
        group.kill().doing(format_args!("ending {name}"))?;
    }
    helpers.iter().for_each(wait);
    for written in fs::read_dir(disk.boxes()).into_iter().flatten().filter_map(Result::ok) {
        disk::remove(&written.path()).doing("removing what containers wrote into their roots")?;
    }
    cgroup::group(&parent).remove().doing("removing the control groups")?;
    network::clear(&settings.instance)?;
    fs::remove_dir_all(disk.run()).doing(format_args!("removing {}", disk.run().display()))
}

/// The helpers that live. Of those that have not come to anything yet, none will.
fn helpers(disk: &Disk) -> Vec<OwnedFd> {
    let runs = fs::read_dir(disk.runs()).into_iter().flatten().filter_map(Result::ok);
    let began = runs.filter_map(|run| files::began(&run.path()).ok());
    began.filter_map(|began| began.helper.open()).collect()
}

/// Waits until a helper has ended, and ends one that does not by itself.
fn wait(helper: &OwnedFd) {
    let ended = |patience: Duration| {
        let mut polled = [PollFd::new(helper, PollFlags::IN)];
        let patience = Timespec::try_from(patience).ok();
        poll(&mut polled, patience.as_ref()).is_ok_and(|ready| ready > 0)
    };
    if !ended(PATIENCE) {
        // It may have ended in this moment.
        let _ = rustix::process::pidfd_send_signal(helper, rustix::process::Signal::KILL);
        ended(PATIENCE);
    }
}
