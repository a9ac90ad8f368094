//! The runtime of this machine: engine, helpers, layers and logs put together.

use std::{
    collections::BTreeSet,
    fs::File,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::{Clock, Digest, Error, Result, SealingKey, ToolId};
use hearth_runtime_api::{
    Bytes, Cursor, Exec, ExecSession, Image, InstanceId, LayerDescriptor, LogPage, Observation, Report,
    Runtime, Usage, Version, Workload, WorkloadId,
    engine::Engine,
    wire::{Callers, serve},
};
use rustix::fs::FlockOperation;
use tokio::{net::UnixListener, sync::mpsc, task::JoinSet};

use crate::{
    Settings, adopt,
    blanks::Blanks,
    cgroup::{self, Used},
    disk,
    disk::Disk,
    doctor,
    driver::{Helpers, Starter},
    exec,
    failure::Doing,
    helper::{
        files::{self, Began},
        waiter,
    },
    images::Images,
    journal::Files,
    logs::Logs,
    names,
    network::Networks,
    probes::LocalProber,
    secrets,
    tools::Tools,
};

/// How often what nobody came back to is looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Containers on this machine.
pub struct Local {
    engine: Arc<Engine>,
    helpers: Arc<Helpers>,
    logs: Logs,
    _tasks: JoinSet<()>,
    _lock: File,
}

impl Local {
    /// Finds again what an earlier process began, and goes on. Needs root and a tokio runtime.
    pub fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        check_instance(&settings.instance)?;
        let disk = Disk::open(&settings)?;
        let lock = lock(&disk)?;
        let (reports, reported) = mpsc::unbounded_channel();
        let helpers = Arc::new(Helpers {
            images: Images::open(disk.clone(), settings.layer, Arc::clone(&clock))?,
            tools: Tools::open(disk.tools(), settings.ids)?,
            networks: Networks::open(&settings.instance, disk.clone())?,
            waiter: settings.small_helpers.then(waiter).flatten(),
            blanks: blanks(disk.blanks()),
            keys: secrets::open(&disk.secret_keys(), disk.tools().exists())?,
            disk: disk.clone(),
            clock: Arc::clone(&clock),
            reports,
            tasks: Mutex::default(),
            starting: Mutex::default(),
            settings,
        });
        let names = disk.names();
        let files = Files::new(disk);
        let (known, alive) = adopt::find(&helpers, &files)?;
        let (driver, pauses) = (Arc::new(Starter(Arc::clone(&helpers))), helpers.settings.pauses);
        let prober = Arc::new(LocalProber::start(Arc::clone(&helpers)));
        let engine = Arc::new(Engine::new(driver, prober, Arc::new(files), clock, pauses, known));
        alive.into_iter().for_each(|instance| helpers.adopt(instance));
        let mut tasks = JoinSet::new();
        let running = Arc::clone(&engine);
        tasks.spawn(async move { running.run(reported).await });
        let sweeper = Arc::clone(&helpers);
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                sweeper.apart(|helpers| helpers.networks.sweep()).await;
            }
        });
        let answerer = Arc::clone(&helpers);
        tasks.spawn(async move { answer_names(&answerer, &names).await });
        Ok(Arc::new(Self { engine, helpers, logs: Logs::default(), _tasks: tasks, _lock: lock }))
    }

    /// Answers on the instance's socket for ever. Whoever may not call is refused by the number of their user,
    /// so the socket itself is open to all.
    pub async fn serve(self: Arc<Self>, callers: Callers) -> Result<()> {
        let path = self.helpers.disk.socket();
        disk::remove(&path).doing("removing the socket of an earlier process")?;
        let listener = UnixListener::bind(&path).doing(format_args!("listening at {}", path.display()))?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666))
            .doing("opening the socket to callers")?;
        serve(listener, callers, self).await;
        Ok(())
    }

    /// What a container has written on the disk of its own, if it has one.
    fn written(&self, instance: InstanceId) -> Option<u64> {
        if !self.helpers.disk.upper(instance).is_file() {
            return None;
        }
        let disk = rustix::fs::statvfs(self.running(instance).ok()?.root()?).ok()?;
        Some(disk.f_blocks.saturating_sub(disk.f_bfree).saturating_mul(disk.f_frsize))
    }

    fn running(&self, instance: InstanceId) -> Result<files::Known> {
        let tracked = self.engine.instance(instance)?;
        let began = files::read::<Began>(&self.helpers.disk.folder_of(instance), files::STATE).ok().flatten();
        began
            .filter(|_| tracked.phase.is_running())
            .and_then(|began| began.init)
            .map(|init| init.process)
            .ok_or_else(|| {
                Error::conflict("not-running", format!("{instance} does not run"))
                    .help("start it, or choose one that runs")
            })
    }
}

#[async_trait]
impl Runtime for Local {
    async fn apply(&self, workload: Workload) -> Result<()> {
        self.engine.apply(workload)
    }

    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        self.engine.stop(id, version, grace)
    }

    async fn observe(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation> {
        Ok(self.engine.observe(after, wait).await)
    }

    async fn acknowledge(&self, id: WorkloadId) -> Result<()> {
        self.engine.acknowledge(id)
    }

    async fn logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage> {
        match self.engine.instance(instance) {
            Ok(_) => self.logs.read(&self.helpers.disk, instance, sequence, wait).await,
            Err(error) => {
                self.logs.forget(instance);
                Err(error)
            }
        }
    }

    async fn exec(&self, exec: Exec) -> Result<ExecSession> {
        exec.process.check()?;
        let init = self.running(exec.instance)?;
        let workload = self.engine.instance(exec.instance)?.workload;
        let (owner, name) = (workload.owner, workload.network.name.as_ref());
        let process = exec.process.opened(&self.helpers.keys, owner, name)?;
        let exec = Exec { process, ..exec };
        let cgroup = self.helpers.cgroup(exec.instance);
        let container = exec::Container { init, cgroup, isolation: workload.isolation };
        exec::start_program(container, exec, None).await
    }

    async fn usage(&self) -> Result<Vec<Usage>> {
        let all = self.engine.observe(None, Duration::ZERO).await;
        let running = all.workloads.iter().flat_map(|workload| workload.running());
        let usage = |instance| {
            let Used { memory, cpu_micros, processes, .. } =
                cgroup::group(&self.helpers.cgroup(instance)).used();
            Usage { instance, memory, cpu_micros, processes, disk: self.written(instance).unwrap_or(0) }
        };
        Ok(running.map(|running| usage(running.id)).collect())
    }

    async fn ensure_image(&self, image: &Image) -> Result<Vec<LayerDescriptor>> {
        self.helpers.images.ensure_image(image)
    }

    async fn add_layer(&self, layer: &LayerDescriptor, bytes: Bytes<'_>) -> Result<()> {
        self.helpers.images.add_layer(layer, bytes).await
    }

    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>> {
        let images = &self.helpers.images;
        let remove = |is_used: &dyn Fn(Digest) -> bool| images.remove_images(keep, is_used, unused_for);
        let (removed, trash) = self.engine.without_new_workloads(remove)?;
        // Gigabytes may have to go: nobody waits for that with a lock.
        self.helpers.apart(move |_| drop(trash)).await;
        Ok(removed)
    }

    async fn erase(&self, tool: ToolId) -> Result<()> {
        self.engine.must_be_idle(tool)?;
        let Some(number) = self.helpers.tools.known(tool) else { return Ok(()) };
        for path in [self.helpers.disk.home(number), self.helpers.disk.cache(number)] {
            disk::remove(&path).doing(format_args!("erasing what {tool} has stored"))?;
        }
        Ok(())
    }

    async fn sealing_key(&self) -> Result<SealingKey> {
        self.helpers.keys.sealing()
    }

    async fn doctor(&self) -> Result<Report> {
        Ok(doctor::look())
    }
}

/// What helpers become, if this host lets them.
fn waiter() -> Option<waiter::Program> {
    waiter::Program::load()
        .inspect_err(|error| tracing::warn!(%error, "helpers of containers stay large; see `hearthd doctor`"))
        .ok()
}

/// What containers' disks are copies of, if this host lets them have some.
fn blanks(folder: PathBuf) -> Option<Blanks> {
    Blanks::open(folder)
        .inspect_err(
            |error| tracing::warn!(%error, "the disk of containers has no limit; see `hearthd doctor`"),
        )
        .ok()
}

/// Keeps the answerer of names alive.
async fn answer_names(helpers: &Helpers, table: &Path) {
    loop {
        match names::start(helpers.networks.service(), table) {
            Ok(mut answerer) => {
                answerer.wait().await.map_or_else(
                    |error| tracing::warn!(%error, "the answerer of names is out of sight"),
                    |status| tracing::warn!(%status, "the answerer of names has ended; it is started again"),
                );
            }
            Err(error) => tracing::warn!(%error, "names inside are not answered"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

pub fn check_instance(name: &str) -> Result<()> {
    let fits = (1..=8).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if fits {
        return Ok(());
    }
    Err(Error::invalid("instance", format!("{name:?} cannot name an instance"))
        .help("use 1 to 8 lower-case letters and digits"))
}

/// Two processes for one instance would each start what is wanted.
pub fn lock(disk: &Disk) -> Result<File> {
    let lock = File::create(disk.run().join("lock")).doing("making the lock of this instance")?;
    // What a process had just begun to start when it was killed holds its files for another moment.
    for pause in std::iter::repeat_n(Duration::from_millis(20), 50).chain([Duration::ZERO]) {
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(pause),
            Err(error) => return Err(error).doing("locking this instance"),
        }
    }
    Err(Error::conflict("already-runs", "another process already runs the containers of this instance")
        .help("end it first, or choose another name for this instance"))
}
