//! Local runtime: engine, helpers, images, networks and logs of one machine.

use std::{
    collections::BTreeSet,
    fs::File,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::{Clock, Digest, Error, ErrorKind, Result, SealingKey, ToolId};
use hearth_runtime_api::{
    ByteStream, Cursor, ExecRequest, ExecSession, Feature, FileProtocol, FileRefresh, FileSession,
    HostReport, InstanceId, LayerDescriptor, LogPage, Observation, Owner, ResolvedImage, Runtime,
    ToolSlotLimits, ToolSlots, Usage, Version, Workload, WorkloadId,
    engine::Engine,
    wire::{AllowedCallers, serve},
};
use rustix::fs::FlockOperation;
use tokio::{net::UnixListener, sync::mpsc, task::JoinSet};

use crate::{
    LocalRuntimeSettings, adoption,
    cgroup::{self, CgroupUsage},
    disk_guard::guard_disk,
    disk_templates::DiskTemplates,
    dns, doctor,
    driver::{ContainerManager, HelperDriver},
    exec, files,
    helper::{
        files::{self as helper_files, HelperState},
        waiter,
    },
    host_error::HostErrorContext,
    images::LocalImageStore,
    journal::FileJournal,
    logs::ContainerLogReader,
    network::Networks,
    previews,
    probes::LocalProber,
    secrets, state_files,
    state_files::StateLayout,
    state_format::StateFormat,
    storage::{StorageKind, ToolStorage},
    tools::ToolNumbers,
};

/// Interval of the removal of idle bridges, and of what ended previews have.
const BRIDGE_SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Programs that run beside the runs of tools at one time. Each has a process of the host, which no limit of the
/// container counts.
const EXEC_LIMITS: ToolSlotLimits = ToolSlotLimits { per_tool: 32, in_total: 512 };

/// Runtime that runs containers on this machine.
pub struct LocalRuntime {
    engine: Arc<Engine>,
    helpers: Arc<ContainerManager>,
    logs: ContainerLogReader,
    exec_slots: Arc<ToolSlots<Owner>>,
    _tasks: JoinSet<()>,
    _lock: File,
}

impl LocalRuntime {
    /// Opens the runtime and adopts the containers of an earlier process. Needs root and a tokio runtime.
    /// Fails with `already-runs` when another process runs the same instance.
    pub fn open(settings: LocalRuntimeSettings, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        check_instance_name(&settings.instance)?;
        let layout = StateLayout::open(&settings)?;
        let lock = lock_instance(&layout)?;
        let format = StateFormat::open(&settings.state_folder)?;
        if format < StateFormat::NEWEST_FORMAT {
            tracing::warn!(
                reader = %format,
                "homes have no size limit until the upgrade is finished; run hearthd upgrade finish"
            );
        }
        let (report_sender, reports) = mpsc::unbounded_channel();
        let helpers = Arc::new(ContainerManager {
            images: LocalImageStore::open(layout.clone(), &settings, Arc::clone(&clock))?,
            tools: ToolNumbers::open(layout.tool_numbers_path(), settings.first_id, format)?,
            storage: ToolStorage::open(&settings, layout.clone(), format)?,
            networks: Networks::open(&settings.instance, layout.clone())?,
            waiter: settings.small_helpers.then(load_waiter).flatten(),
            disk_templates: open_disk_templates(layout.disk_templates_folder()),
            opening_keys: secrets::open_keys(
                &layout.secret_keys_path(),
                layout.tool_numbers_path().exists(),
            )?,
            layout: layout.clone(),
            clock: Arc::clone(&clock),
            report_sender,
            tasks: Mutex::default(),
            starting: Mutex::default(),
            settings,
        });
        let names = layout.dns_table_path();
        let files = FileJournal::new(layout);
        let (stored, running_instances) = adoption::adopt_containers(&helpers, &files)?;
        let (driver, pauses) = (Arc::new(HelperDriver(Arc::clone(&helpers))), helpers.settings.pauses);
        let prober = Arc::new(LocalProber::start(Arc::clone(&helpers)));
        let engine = Arc::new(Engine::new(driver, prober, Arc::new(files), clock, pauses, stored));
        running_instances.into_iter().for_each(|instance| helpers.follow_adopted(instance));
        let mut tasks = JoinSet::new();
        let running = Arc::clone(&engine);
        tasks.spawn(async move { running.run(reports).await });
        let (sweeper, sweeping) = (Arc::clone(&helpers), Arc::clone(&engine));
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(BRIDGE_SWEEP_INTERVAL).await;
                let engine = Arc::clone(&sweeping);
                let swept = sweeper.run_blocking(move |helpers| {
                    helpers.networks.remove_idle_bridges();
                    previews::release_ended_previews(&engine, helpers);
                });
                swept.await;
            }
        });
        tasks.spawn(guard_disk(Arc::clone(&helpers)));
        let manager = Arc::clone(&helpers);
        tasks.spawn(async move { supervise_dns_server(&manager, &names).await });
        Ok(Arc::new(Self {
            engine,
            helpers,
            logs: ContainerLogReader::default(),
            exec_slots: ToolSlots::new(EXEC_LIMITS),
            _tasks: tasks,
            _lock: lock,
        }))
    }

    /// Serves the instance's socket until the task is dropped. The socket has mode 0666, because callers are
    /// checked by their user id.
    pub async fn serve_callers(self: Arc<Self>, callers: AllowedCallers) -> Result<()> {
        let path = self.helpers.layout.socket_path();
        state_files::remove_path(&path).with_context("removing the socket of an earlier process")?;
        let listener =
            UnixListener::bind(&path).with_context(format_args!("listening at {}", path.display()))?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666))
            .with_context("setting the mode of the socket")?;
        serve(listener, callers, self).await;
        Ok(())
    }

    /// Measures the used bytes of a container's disk. `None` if it has no disk file or does not run.
    fn measure_disk_use(&self, instance: InstanceId) -> Option<u64> {
        if !self.helpers.layout.upper_path(instance).is_file() {
            return None;
        }
        let disk = rustix::fs::statvfs(self.find_running_process(instance).ok()?.root_path()?).ok()?;
        Some(disk.f_blocks.saturating_sub(disk.f_bfree).saturating_mul(disk.f_frsize))
    }

    fn find_running_process(&self, instance: InstanceId) -> Result<helper_files::ProcessIdentity> {
        let tracked = self.engine.find_instance(instance)?;
        let state = helper_files::read_file::<HelperState>(
            &self.helpers.layout.instance_folder(instance),
            helper_files::STATE_FILE,
        )
        .ok()
        .flatten();
        state
            .filter(|_| tracked.phase.is_running())
            .and_then(|state| state.init)
            .map(|init| init.process)
            .ok_or_else(|| {
                Error::conflict("not-running", format!("container is not running: {instance}"))
                    .help("start it, or choose a running container")
            })
    }
}

#[async_trait]
impl Runtime for LocalRuntime {
    async fn apply(&self, workload: Workload) -> Result<()> {
        self.engine.apply(workload)
    }

    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        self.engine.stop(id, version, grace)
    }

    async fn observe_workloads(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation> {
        Ok(self.engine.observe_workloads(after, wait).await)
    }

    async fn acknowledge_workload(&self, id: WorkloadId) -> Result<()> {
        self.engine.acknowledge_workload(id)
    }

    async fn read_logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage> {
        match self.engine.find_instance(instance) {
            Ok(_) => self.logs.read_page(&self.helpers.layout, instance, sequence, wait).await,
            Err(error) => {
                self.logs.forget_position(instance);
                Err(error)
            }
        }
    }

    async fn exec(&self, exec: ExecRequest) -> Result<ExecSession> {
        exec.process.check()?;
        let init = self.find_running_process(exec.instance)?;
        let workload = self.engine.find_instance(exec.instance)?.workload;
        let slot = self.exec_slots.take_slot(workload.owner).ok_or_else(|| {
            let most = EXEC_LIMITS.per_tool;
            let what =
                format!("too many programs run beside the runs of this tool; at most {most} at a time");
            Error::new(ErrorKind::Exhausted, "exec-limit", what).help("end other shells, then try again")
        })?;
        let (owner, name) = (workload.owner, workload.network.name.as_ref());
        let process = exec.process.unseal_variables(&self.helpers.opening_keys, owner, name)?;
        let exec = ExecRequest { process, ..exec };
        let cgroup = self.helpers.cgroup_path(exec.instance);
        let container = exec::ExecTarget { init, cgroup, isolation: workload.isolation };
        let mut session = exec::start_program(container, exec, None).await?;
        session.attach_task(async move {
            // The session owns the slot: its tasks end with it.
            let _slot = slot;
            std::future::pending::<()>().await;
        });
        Ok(session)
    }

    async fn refresh_file(&self, refresh: FileRefresh) -> Result<()> {
        self.engine.refresh_file(&refresh)
    }

    async fn open_files(&self, session: FileSession) -> Result<ExecSession> {
        let FileSession { owner, root, read_only, user, protocol } = session;
        let FileProtocol::Request(request) = protocol else {
            return Err(Feature::FileSession.to_unsupported_error());
        };
        request.check()?;
        if read_only && request.is_change() {
            return Err(Error::forbidden("files-read-only", "the session may only read files"));
        }
        let Owner::Tool(tool) = owner else {
            let what = format!("files of {owner} cannot be opened; allowed: files of tools");
            return Err(Error::invalid("workload", what).help("open the files of the tool"));
        };
        let kind = StorageKind::from_source(&root).ok_or_else(|| Feature::Volume.to_unsupported_error())?;
        let has_storage = |number| self.helpers.storage.has_storage(number, kind);
        if !request.is_change() && !self.helpers.tools.find_number(tool).is_some_and(has_storage) {
            return Ok(files::answer_without_storage(&request));
        }
        let prepared = self.helpers.run_blocking(move |helpers| {
            let used = helpers.tools.begin_use(tool)?;
            let may_run = helpers.may_run_containers(owner, None);
            Ok::<_, Error>((helpers.storage.prepare_storage(used.number, kind, &user, may_run)?, used))
        });
        let (place, used) =
            prepared.await.ok_or_else(|| Error::internal("the runtime is shutting down"))??;
        files::start_session(&self.helpers, place, used, request)
    }

    async fn read_usage(&self) -> Result<Vec<Usage>> {
        let all = self.engine.observe_workloads(None, Duration::ZERO).await;
        let running = all.workloads.iter().flat_map(|workload| workload.running_instances());
        let usage = |instance| {
            let CgroupUsage { memory, cpu_micros, processes, .. } =
                cgroup::open_cgroup(&self.helpers.cgroup_path(instance)).read_usage();
            Usage {
                instance,
                memory,
                cpu_micros,
                processes,
                disk: self.measure_disk_use(instance).unwrap_or(0),
            }
        };
        Ok(running.map(|running| usage(running.id)).collect())
    }

    async fn ensure_image(&self, image: &ResolvedImage) -> Result<Vec<LayerDescriptor>> {
        self.helpers.images.ensure_image(image)
    }

    async fn add_layer(&self, layer: &LayerDescriptor, bytes: ByteStream<'_>) -> Result<()> {
        self.helpers.images.add_layer(layer, bytes).await
    }

    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>> {
        let images = &self.helpers.images;
        let remove = |is_used: &dyn Fn(Digest) -> bool| images.remove_images(keep, is_used, unused_for);
        let (removed, trash) = self.engine.with_used_images(remove)?;
        // Deleting gigabytes takes time, so it happens without the engine's lock.
        self.helpers.run_blocking(move |_| drop(trash)).await;
        Ok(removed)
    }

    async fn erase_tool(&self, tool: ToolId) -> Result<()> {
        let Some(number) = self.helpers.tools.find_number(tool) else {
            let release = || previews::release_tool_previews(&self.helpers, tool);
            let discarded = self.engine.with_idle_tool(tool, release)?;
            self.helpers.run_blocking(move |_| drop(discarded)).await;
            return Ok(());
        };
        // The files are taken away and the number comes back in one step, so that no other tool finds files there.
        let (discarded, released) = self.engine.with_idle_tool(tool, || {
            self.helpers.tools.require_unused(tool)?;
            let of_previews = previews::release_tool_previews(&self.helpers, tool)?;
            let discarded = self.helpers.storage.discard_storage(number)?;
            Ok(((of_previews, discarded), self.helpers.tools.release_number(tool)))
        })?;
        // Deleting many files takes time, so it happens without the engine's lock.
        self.helpers.run_blocking(move |_| drop(discarded)).await;
        released
    }

    async fn sealing_key(&self) -> Result<SealingKey> {
        self.helpers.opening_keys.sealing_key()
    }

    async fn check_host(&self) -> Result<HostReport> {
        Ok(doctor::check_host())
    }
}

/// Loads the waiter program, if this host supports it.
fn load_waiter() -> Option<waiter::WaiterProgram> {
    waiter::WaiterProgram::load_program()
        .inspect_err(|error| tracing::warn!(%error, "waiter program not supported; run `hearthd doctor`"))
        .ok()
}

/// Opens the disk templates, if this host supports them.
fn open_disk_templates(folder: PathBuf) -> Option<DiskTemplates> {
    DiskTemplates::open(folder)
        .inspect_err(
            |error| tracing::warn!(%error, "disk limits of containers not supported; run `hearthd doctor`"),
        )
        .ok()
}

/// Starts the DNS server, and restarts it whenever it exits.
async fn supervise_dns_server(helpers: &ContainerManager, table: &Path) {
    loop {
        match dns::start_server(helpers.networks.service_address(), table) {
            Ok(mut server) => {
                server.wait().await.map_or_else(
                    |error| tracing::warn!(%error, "waiting for the DNS server failed"),
                    |status| tracing::warn!(%status, "DNS server exited; will restart"),
                );
            }
            Err(error) => tracing::warn!(%error, "DNS server did not start; will retry"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

pub fn check_instance_name(name: &str) -> Result<()> {
    let fits = (1..=8).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if fits {
        return Ok(());
    }
    Err(Error::invalid("instance", format!("the instance name is invalid: {name:?}"))
        .help("use 1 to 8 lower-case letters and digits"))
}

/// Takes the instance's lock, since two processes would each start all workloads. Fails with `already-runs`
/// after one second.
pub fn lock_instance(layout: &StateLayout) -> Result<File> {
    let lock =
        File::create(layout.run_folder().join("lock")).with_context("making the lock of this instance")?;
    // A child that a killed process had just forked holds the lock's descriptor until its exec, so the lock
    // is retried.
    for pause in std::iter::repeat_n(Duration::from_millis(20), 50).chain([Duration::ZERO]) {
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(pause),
            Err(error) => return Err(error).with_context("locking this instance"),
        }
    }
    Err(Error::conflict("already-runs", "another process already runs the containers of this instance")
        .help("stop it (hearth down --state its state folder), or set runtime.instance to another name"))
}
