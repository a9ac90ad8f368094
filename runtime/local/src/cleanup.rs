//! Removal of one Hearth's resources on this host outside of its state folder: containers, helpers, control
//! groups, network links, nftables tables. The desired workloads stay stored; the next start starts them
//! again.

use std::{fs, os::fd::OwnedFd, time::Duration};

use hearth_base::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    LocalRuntimeSettings, cgroup,
    helper::files,
    host_error::HostErrorContext,
    network, runtime,
    state_files::{self, StateLayout},
};

/// Time for a helper to write its exit file before it is killed.
const HELPER_EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Kills all containers of this Hearth and removes their resources on the host. Fails with `already-runs`
/// while its runtime process runs.
pub fn remove_host_resources(settings: &LocalRuntimeSettings) -> Result<()> {
    runtime::check_instance_name(&settings.instance)?;
    let layout = StateLayout::open(settings)?;
    let _lock = runtime::lock_instance(&layout)?;
    let helpers = find_running_helpers(&layout);
    let parent = format!("/hearth/{}", settings.instance);
    for name in cgroup::list_children(&parent) {
        let group = cgroup::open_cgroup(&format!("{parent}/{name}"));
        group.kill_processes().with_context(format_args!("killing the container {name}"))?;
    }
    helpers.iter().for_each(wait_for_exit);
    for written in fs::read_dir(layout.uppers_folder()).into_iter().flatten().filter_map(Result::ok) {
        state_files::remove_path(&written.path()).with_context("removing the upper folder of a container")?;
    }
    cgroup::open_cgroup(&parent).remove().with_context("removing the control groups")?;
    network::remove_networks(&settings.instance)?;
    fs::remove_dir_all(layout.run_folder())
        .with_context(format_args!("removing {}", layout.run_folder().display()))
}

/// Finds the helpers that run, and cancels the starts that no helper has begun.
fn find_running_helpers(layout: &StateLayout) -> Vec<OwnedFd> {
    let runs = fs::read_dir(layout.instances_folder()).into_iter().flatten().filter_map(Result::ok);
    let states = runs.filter_map(|run| files::read_or_cancel_start(&run.path()).ok());
    states.filter_map(|states| states.helper.open_pidfd()).collect()
}

/// Waits until a helper exits, and kills it after the timeout.
fn wait_for_exit(helper: &OwnedFd) {
    let ended = |timeout: Duration| {
        let mut polled = [PollFd::new(helper, PollFlags::IN)];
        let timeout = Timespec::try_from(timeout).ok();
        poll(&mut polled, timeout.as_ref()).is_ok_and(|ready| ready > 0)
    };
    if !ended(HELPER_EXIT_TIMEOUT) {
        // The helper may have exited meanwhile, so the error is ignored.
        let _ = rustix::process::pidfd_send_signal(helper, rustix::process::Signal::KILL);
        ended(HELPER_EXIT_TIMEOUT);
    }
}
