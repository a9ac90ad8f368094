//! Stopping of a container, also of one whose start does not end.

use std::time::{Duration, Instant};

use hearth_runtime_api::InstanceId;
use rustix::process::Signal;

use super::{ContainerManager, START_POLL_INTERVAL};
use crate::{
    helper::{
        config::HelperConfig,
        files::{self, ExitRecord, HelperState, InitProcess},
    },
    sys::readable_fd::ReadableFd,
};

/// Minimum time that a start gets before a stop request cancels it. A busy host takes seconds for a start, and a start
/// that is killed half-way has no outcome of its program.
const MIN_START_GRACE: Duration = Duration::from_secs(10);

impl ContainerManager {
    /// Sends the stop signal, and SIGKILL after the grace period.
    pub(super) async fn stop_container(&self, instance: InstanceId, grace: Duration) {
        let folder = self.layout.instance_folder(instance);
        let Some(init) = self.wait_for_init(instance, grace.max(MIN_START_GRACE)).await else { return };
        let Some(process) = init.process.open_pidfd() else { return };
        let number = HelperConfig::read(&folder).map_or(15, |config| config.workload.process.stop_signal);
        let signal = Signal::from_named_raw(number.into()).unwrap_or(Signal::TERM);
        // An error means that the process has just exited.
        let _ = rustix::process::pidfd_send_signal(&process, signal);
        let Ok(process) = ReadableFd::new(process) else { return };
        if tokio::time::timeout(grace, process.wait_until_readable()).await.is_err() {
            let _ = rustix::process::pidfd_send_signal(&process, Signal::KILL);
        }
    }

    /// Waits for the init process of an instance that is to be stopped. `None` if it has ended or never starts. A start
    /// that takes longer than `limit` is cancelled: its helper is killed, and `follow_helper` settles the instance.
    async fn wait_for_init(&self, instance: InstanceId, limit: Duration) -> Option<InitProcess> {
        let folder = self.layout.instance_folder(instance);
        let deadline = Instant::now() + limit;
        loop {
            let is_starting = self.lock_starting().contains(&instance) || folder.exists();
            let has_ended =
                files::read_file::<ExitRecord>(&folder, files::EXIT_FILE).ok().flatten().is_some();
            if has_ended || !is_starting {
                return None;
            }
            let state = files::read_file::<HelperState>(&folder, files::STATE_FILE).ok().flatten();
            if let Some(init) = state.and_then(|state| state.init) {
                return Some(init);
            }
            // Without the folder the start has not begun, and cannot be cancelled yet.
            if Instant::now() >= deadline && folder.exists() {
                let state = self.read_or_cancel_start(instance);
                // The init process may have appeared since the state was read above.
                if let Some(init) = state.as_ref().and_then(|state| state.init.clone()) {
                    return Some(init);
                }
                if let Some(helper) = state.and_then(|state| state.helper.open_pidfd()) {
                    tracing::warn!(%instance, "container has no first process after its grace period; start cancelled");
                    // An error means that the helper has just exited.
                    let _ = rustix::process::pidfd_send_signal(&helper, Signal::KILL);
                }
                return None;
            }
            tokio::time::sleep(START_POLL_INTERVAL).await;
        }
    }
}
