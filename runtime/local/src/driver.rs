//! Driver of the engine: starts helpers, follows their containers until they exit, and stops containers.

mod stop;
mod volumes;

use std::{
    collections::BTreeSet,
    fs,
    os::fd::OwnedFd,
    pin::pin,
    process::{Child, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hearth_base::{Clock, OpeningKeys, Result, Secret};
use hearth_runtime_api::{
    ContainerOutcome, Feature, InstanceId, Phase, Termination, Workload,
    engine::{Driver, PhaseReport},
};
use tokio::{sync::mpsc::UnboundedSender, task::JoinSet};

use crate::{
    LocalRuntimeSettings,
    cgroup::{self, CgroupUsage},
    disk_templates::DiskTemplates,
    helper::{
        config::{self, HelperConfig},
        files::{self, ExitRecord, HelperState},
        waiter::WaiterProgram,
    },
    host_error::HostErrorContext,
    images::LocalImageStore,
    network::Networks,
    reexec::{self, Subprocess},
    refreshed_files, state_files,
    state_files::StateLayout,
    storage::{self, ToolStorage},
    sys::readable_fd::ReadableFd,
    tools::ToolNumbers,
};

/// Poll interval for the state file of a container that is being started.
const START_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Driver that the engine calls.
pub struct HelperDriver(pub Arc<ContainerManager>);

/// State shared by the tasks that start, follow and stop containers.
pub struct ContainerManager {
    pub settings: LocalRuntimeSettings,
    pub layout: StateLayout,
    pub images: LocalImageStore,
    /// Disk templates, if this host supports them.
    pub disk_templates: Option<DiskTemplates>,
    pub tools: ToolNumbers,
    pub storage: ToolStorage,
    pub networks: Networks,
    /// Waiter program that helpers execute, if this host supports it.
    pub waiter: Option<WaiterProgram>,
    pub opening_keys: OpeningKeys,
    pub clock: Arc<dyn Clock>,
    pub report_sender: UnboundedSender<PhaseReport>,
    /// Instances that are being started and may have no folder yet.
    pub starting: Mutex<BTreeSet<InstanceId>>,
    pub tasks: Mutex<JoinSet<()>>,
}

impl Driver for HelperDriver {
    fn features(&self) -> &[Feature] {
        &[Feature::PreviewOwner, Feature::ImageDelivery, Feature::FileSession, Feature::RefreshedFile]
    }

    fn refresh_files(&self, instance: InstanceId, workload: &Workload) -> Result<()> {
        let manager = &self.0;
        let number = manager.tools.assign_number(workload.owner)?;
        refreshed_files::replace_files(
            &manager.layout,
            instance,
            workload,
            manager.tools.compute_first_id(number)?,
        )
    }

    fn check(&self, workload: &Workload) -> Result<()> {
        self.0.tools.require_supported(workload.owner)?;
        workload.unseal_variables(&self.0.opening_keys)?;
        self.0.images.check_workload(workload)
    }

    fn start(&self, instance: InstanceId, workload: &Arc<Workload>) {
        let (helpers, workload) = (Arc::clone(&self.0), Arc::clone(workload));
        self.0.lock_starting().insert(instance);
        self.0.spawn_task(async move {
            // The result is missing only when this process is shutting down: the next one checks the
            // instance.
            let launched =
                helpers.run_blocking(move |helpers| helpers.launch_helper(instance, &workload)).await;
            helpers.lock_starting().remove(&instance);
            let Some(launched) = launched else { return };
            match launched {
                Ok(child) => helpers.follow_helper(instance, Some(child)).await,
                Err(error) => {
                    let mut reason = error.to_string();
                    if let Some(help) = error.help_text() {
                        reason = format!("{reason} ({help})");
                    }
                    let outcome = helpers.build_outcome(Termination::NotStarted { reason });
                    helpers.record_and_report_end(instance, outcome);
                    helpers.run_blocking(move |helpers| helpers.networks.leave_network(instance)).await;
                }
            }
        });
    }

    fn stop(&self, instance: InstanceId, grace: Duration) {
        let helpers = Arc::clone(&self.0);
        self.0.spawn_task(async move { helpers.stop_container(instance, grace).await });
    }

    fn remove(&self, instance: InstanceId) {
        self.0.remove_files(instance);
    }
}

impl ContainerManager {
    fn lock_starting(&self) -> MutexGuard<'_, BTreeSet<InstanceId>> {
        self.starting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a task until its end or the shutdown of the runtime.
    pub fn spawn_task(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Follows an instance whose helper was started by an earlier process.
    pub fn follow_adopted(self: &Arc<Self>, instance: InstanceId) {
        let helpers = Arc::clone(self);
        self.spawn_task(async move { helpers.follow_helper(instance, None).await });
    }

    /// Removes the files of an instance.
    pub fn remove_files(&self, instance: InstanceId) {
        let files = self.layout.refreshed_files_folder(instance);
        for path in [self.layout.instance_folder(instance), self.layout.upper_path(instance), files] {
            if let Err(error) = state_files::remove_path(&path) {
                tracing::warn!(%error, %instance, "files of an instance not removed; the next start removes them");
            }
        }
    }

    /// Path of an instance's control group.
    pub fn cgroup_path(&self, instance: InstanceId) -> String {
        format!("/hearth/{}/{instance}", self.settings.instance)
    }

    fn launch_helper(&self, instance: InstanceId, workload: &Arc<Workload>) -> Result<Child> {
        let folder = self.layout.instance_folder(instance);
        // The folder records the start attempt durably, so that an instance is never started twice.
        fs::create_dir(&folder).with_context(format_args!("making the folder of {instance}"))?;
        state_files::sync_parent_folder(&folder)
            .with_context(format_args!("making the folder of {instance}"))?;
        let config = self.build_helper_config(instance, workload)?;
        state_files::replace_file_unsynced(&folder.join(config::CONFIG_FILE), &config)
            .with_context(format_args!("writing the helper configuration of {instance}"))?;
        let mut command = reexec::build_command(Subprocess::Helper);
        command.arg(&folder).stdout(Stdio::piped());
        if let Some(program) = &self.waiter {
            command
                .stdin(program.as_input().with_context(format_args!("starting the helper of {instance}"))?);
        }
        command.spawn().with_context(format_args!("starting the helper of {instance}"))
    }

    fn build_helper_config(&self, instance: InstanceId, workload: &Arc<Workload>) -> Result<HelperConfig> {
        let number = self.tools.assign_number(workload.owner)?;
        let volumes = self.prepare_volumes(instance, workload, number)?;
        let name = workload.network.name.as_ref().map_or("tool", |name| name.as_str());
        let first_id = self.tools.compute_first_id(number)?;
        let refreshed = refreshed_files::write_files(&self.layout, instance, workload, first_id)?;
        let mut kept = Workload::clone(workload);
        // The content is in memory only.
        kept.files.iter_mut().for_each(|file| file.content = Secret::default());
        Ok(HelperConfig {
            version: config::CONFIG_VERSION,
            instance,
            workload: kept,
            refreshed,
            folder: self.layout.instance_folder(instance),
            mounts: self.layout.mounts_folder(),
            first_id,
            layers: self.images.find_layer_folders(workload)?,
            upper: self.layout.upper_path(instance),
            disk_template: self
                .disk_templates
                .as_ref()
                .map(|templates| templates.ensure_template(workload.limits.disk))
                .transpose()?,
            volumes,
            cgroup: self.cgroup_path(instance),
            hostname: name.to_owned(),
            log_bytes: self.settings.log_bytes,
            link: Some(self.networks.join_network(instance, workload)?),
            keys: Some(self.layout.secret_keys_path()),
        })
    }

    /// Follows an instance and reports its phases until it has ended.
    ///
    /// | state file | exit file | helper process | reported phase |
    /// |---|---|---|---|
    /// | no init process yet | missing | runs | none; polled again soon |
    /// | init process | missing | runs | `Running`, once |
    /// | any | written | runs or has exited | `Ended` with the recorded outcome |
    /// | any | missing | has exited | `Ended` with `Lost`, or `NotStarted` if no helper had begun |
    async fn follow_helper(self: &Arc<Self>, instance: InstanceId, child: Option<Child>) {
        let folder = self.layout.instance_folder(instance);
        let events = match child {
            Some(child) => self.wait_for_start(child).await,
            None => None,
        };
        if let Some(helper) = self.read_or_cancel_start(instance).and_then(|state| state.helper.open_pidfd())
        {
            let Ok(helper) = ReadableFd::new(helper) else { return };
            // The pipe of a helper from an earlier runtime process is lost. Then only the helper's exit is an
            // event.
            let mut end = pin!(async {
                if let Some(events) = &events {
                    tokio::select! { () = events.read_byte() => {} () = helper.wait_until_readable() => {} }
                }
                // An event without an exit file is not the end: wait for the helper's exit.
                if files::read_file::<ExitRecord>(&folder, files::EXIT_FILE).ok().flatten().is_none() {
                    helper.wait_until_readable().await;
                }
            });
            let mut is_reported = false;
            loop {
                let state = files::read_file::<HelperState>(&folder, files::STATE_FILE).ok().flatten();
                if let Some(init) = state.and_then(|state| state.init).filter(|_| !is_reported) {
                    self.send_report(instance, Phase::Running { since: init.since, address: init.address });
                    is_reported = true;
                }
                // Poll soon until `Running` is reported; afterwards only the end of the container is awaited.
                let pause = if is_reported { Duration::from_secs(3600) } else { START_POLL_INTERVAL };
                if tokio::time::timeout(pause, &mut end).await.is_ok() {
                    break;
                }
            }
        }
        // After the report the engine may remove the instance's files.
        let disks = self.list_writable_disks(instance);
        let exit = files::read_file::<ExitRecord>(&folder, files::EXIT_FILE).ok().flatten();
        if let Some(exit) = exit {
            self.send_report(instance, Phase::Ended(exit.outcome));
            // The exit of the init process has killed all others, so the end is reported before the clean-up.
            self.run_blocking(move |helpers| {
                helpers.networks.leave_network(instance);
                helpers.remove_container(instance);
                disks.iter().for_each(|disk| storage::reclaim_space(disk));
            })
            .await;
            return;
        }
        let Some(outcome) = self.run_blocking(move |helpers| helpers.settle_lost_instance(instance)).await
        else {
            return;
        };
        self.send_report(instance, Phase::Ended(outcome));
        self.run_blocking(move |helpers| {
            helpers.networks.leave_network(instance);
            disks.iter().for_each(|disk| storage::reclaim_space(disk));
        })
        .await;
    }

    /// Runs blocking work on tokio's blocking thread pool. `None` if the work panicked or the process shuts
    /// down.
    pub async fn run_blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Option<T> {
        let helpers = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&helpers)).await.ok()
    }

    /// Waits until a new helper signals that its container runs or has ended. Returns the pipe for further
    /// events.
    async fn wait_for_start(&self, mut child: Child) -> Option<ReadableFd> {
        let output = child.stdout.take().map(OwnedFd::from);
        let output = output.filter(|output| rustix::io::ioctl_fionbio(output, true).is_ok());
        let events = output.and_then(|output| ReadableFd::new(output).ok());
        if let Some(events) = &events {
            events.read_byte().await;
        }
        self.spawn_task(async move {
            // Reaps the helper. A helper that outlives this process is reaped by init.
            let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            let Some(pid) = pid else { return };
            let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
            let pidfd = pidfd.map_err(std::io::Error::from).and_then(ReadableFd::new);
            if let Ok(pidfd) = pidfd {
                pidfd.wait_until_readable().await;
            }
            let _ = child.wait();
        });
        events
    }

    /// Reads the state file of an instance, or cancels its start; see [`files::read_or_cancel_start`]. Errors
    /// are logged.
    pub fn read_or_cancel_start(&self, instance: InstanceId) -> Option<HelperState> {
        files::read_or_cancel_start(&self.layout.instance_folder(instance))
            .inspect_err(|error| tracing::warn!(%error, %instance, "state of a helper not readable; its start not cancelled"))
            .ok()
    }

    /// Settles an instance whose helper died without an exit file: kills its remaining processes, removes its
    /// resources and records the outcome, `NotStarted` if no helper had begun the start, otherwise `Lost`.
    pub fn settle_lost_instance(&self, instance: InstanceId) -> ContainerOutcome {
        let used = cgroup::open_cgroup(&self.cgroup_path(instance)).read_usage();
        self.remove_container(instance);
        let is_cancelled =
            self.read_or_cancel_start(instance).is_some_and(|state| state == HelperState::new_cancelled());
        let outcome = self.build_outcome(match is_cancelled {
            true => Termination::NotStarted {
                reason: "its helper was killed before the container started".to_owned(),
            },
            false => Termination::Lost,
        });
        let CgroupUsage { cpu_micros, peak_memory, oom_kills, refused_forks, .. } = used;
        let outcome = ContainerOutcome { cpu_micros, peak_memory, oom_kills, refused_forks, ..outcome };
        self.record_end(instance, &outcome);
        outcome
    }

    /// Kills the remaining processes of an instance, and removes its control group and its upper layer.
    fn remove_container(&self, instance: InstanceId) {
        let group = cgroup::open_cgroup(&self.cgroup_path(instance));
        let cleared = group.kill_processes().and_then(|()| group.remove());
        if let Err(error) = cleared.and_then(|()| state_files::remove_path(&self.layout.upper_path(instance)))
        {
            tracing::warn!(%error, %instance, "resources of a container not removed; the next start removes them");
        }
    }

    /// Writes the exit file in place of a helper, and reports the end.
    fn record_and_report_end(&self, instance: InstanceId, outcome: ContainerOutcome) {
        self.record_end(instance, &outcome);
        self.send_report(instance, Phase::Ended(outcome));
    }

    fn record_end(&self, instance: InstanceId, outcome: &ContainerOutcome) {
        let path = self.layout.instance_folder(instance).join(files::EXIT_FILE);
        if let Err(error) = state_files::replace_file(&path, &ExitRecord::new(outcome.clone())) {
            tracing::warn!(%error, %instance, "exit file of a container not written");
        }
    }

    fn build_outcome(&self, end: Termination) -> ContainerOutcome {
        ContainerOutcome::from_end(end, self.clock.now())
    }

    fn send_report(&self, instance: InstanceId, phase: Phase) {
        // The receiver is closed only when the runtime shuts down.
        drop(self.report_sender.send(PhaseReport { instance, phase }));
    }
}
