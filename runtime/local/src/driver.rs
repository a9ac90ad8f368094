//! Starts helpers, listens to them, and stops their containers.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::OwnedFd,
    pin::pin,
    process::{Child, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hearth_base::{Clock, OpeningKeys, Result};
use hearth_runtime_api::{
    End, Feature, InstanceId, MountSource, Outcome, Phase, Workload,
    engine::{Driver, Report},
};
use rustix::process::Signal;
use tokio::{sync::mpsc::UnboundedSender, task::JoinSet};

use crate::{
    Settings,
    again::{self, Part},
    blanks::Blanks,
    cgroup::{self, Used},
    disk,
    disk::Disk,
    failure::Doing,
    helper::{
        brief::{self, Brief, Volume},
        files::{self, Began, Exit},
        waiter::Program,
    },
    images::Images,
    network::Networks,
    sys::{ids::STORE, ready::Ready},
    tools::Tools,
};

/// How often a container that is just being started is looked at.
const SOON: Duration = Duration::from_millis(10);

/// The helpers, as the engine asks them.
pub struct Starter(pub Arc<Helpers>);

/// See the module.
pub struct Helpers {
    pub settings: Settings,
    pub disk: Disk,
    pub images: Images,
    /// What their disks are copies of, if this host lets them have some.
    pub blanks: Option<Blanks>,
    pub tools: Tools,
    pub networks: Networks,
    /// What helpers become once their containers run.
    pub waiter: Option<Program>,
    pub keys: OpeningKeys,
    pub clock: Arc<dyn Clock>,
    pub reports: UnboundedSender<Report>,
    /// What is to be started, and may have no folder yet.
    pub starting: Mutex<BTreeSet<InstanceId>>,
    pub tasks: Mutex<JoinSet<()>>,
}

impl Driver for Starter {
    fn features(&self) -> &[Feature] {
        &[Feature::ImageDelivery]
    }

    fn check(&self, workload: &Workload) -> Result<()> {
        workload.opened(&self.0.keys)?;
        self.0.images.check_workload(workload)
    }

    fn start(&self, instance: InstanceId, workload: &Arc<Workload>) {
        let (helpers, workload) = (Arc::clone(&self.0), Arc::clone(workload));
        self.0.starting().insert(instance);
        self.0.spawn(async move {
            // There is no answer only when this process is being ended: the next one finds out.
            let launched = helpers.apart(move |helpers| helpers.launch(instance, &workload)).await;
            helpers.starting().remove(&instance);
            let Some(launched) = launched else { return };
            match launched {
                Ok(child) => helpers.follow(instance, Some(child)).await,
                Err(error) => {
                    let mut reason = error.to_string();
                    if let Some(help) = error.next() {
                        reason = format!("{reason} ({help})");
                    }
                    let outcome = helpers.bare(End::NotStarted { reason });
                    helpers.settle(instance, outcome);
                    helpers.apart(move |helpers| helpers.networks.leave(instance)).await;
                }
            }
        });
    }

    fn stop(&self, instance: InstanceId, grace: Duration) {
        let helpers = Arc::clone(&self.0);
        self.0.spawn(async move { helpers.end(instance, grace).await });
    }

    fn remove(&self, instance: InstanceId) {
        self.0.clear(instance);
    }
}

impl Helpers {
    fn starting(&self) -> MutexGuard<'_, BTreeSet<InstanceId>> {
        self.starting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Goes on with an instance whose helper was started by an earlier process.
    pub fn adopt(self: &Arc<Self>, instance: InstanceId) {
        let helpers = Arc::clone(self);
        self.spawn(async move { helpers.follow(instance, None).await });
    }

    /// Forgets an instance, with all that it left.
    pub fn clear(&self, instance: InstanceId) {
        for path in [self.disk.folder_of(instance), self.disk.upper(instance)] {
            if let Err(error) = disk::remove(&path) {
                tracing::warn!(%error, %instance, "what an instance left stays until the next start");
            }
        }
    }

    /// The name of an instance's control group.
    pub fn cgroup(&self, instance: InstanceId) -> String {
        format!("/hearth/{}/{instance}", self.settings.instance)
    }

    fn launch(&self, instance: InstanceId, workload: &Arc<Workload>) -> Result<Child> {
        let folder = self.disk.folder_of(instance);
        // The folder says that the start was tried, whatever happens next: it is never tried again.
        fs::create_dir(&folder).doing(format_args!("making the folder of {instance}"))?;
        disk::sync_folder(&folder).doing(format_args!("making the folder of {instance}"))?;
        let brief = self.brief(instance, workload)?;
        disk::tell(&folder.join(brief::FILE), &brief)
            .doing(format_args!("briefing the helper of {instance}"))?;
        let mut command = again::command(Part::Helper);
        command.arg(&folder).stdout(Stdio::piped());
        if let Some(program) = &self.waiter {
            command.stdin(program.as_input().doing(format_args!("starting the helper of {instance}"))?);
        }
        command.spawn().doing(format_args!("starting the helper of {instance}"))
    }

    fn brief(&self, instance: InstanceId, workload: &Arc<Workload>) -> Result<Brief> {
        let number = self.tools.number(workload.owner.require_tool()?)?;
        let volumes = workload.mounts.iter().map(|mount| {
            let source = match mount.source {
                MountSource::Home => self.disk.home(number),
                MountSource::BuildCache => self.disk.cache(number),
                MountSource::Volume(_) => return Err(Feature::Volume.unsupported()),
            };
            if !source.exists() {
                disk::folder(&source, 0o700).doing("making a tool's storage")?;
                let user = &workload.process.user;
                std::os::unix::fs::chown(&source, Some(STORE + user.uid), Some(STORE + user.gid))
                    .doing("giving a tool its storage")?;
            }
            Ok(Volume { source, at: mount.at.clone(), read_only: mount.read_only })
        });
        let volumes = volumes.collect::<Result<Vec<_>>>()?;
        let name = workload.network.name.as_ref().map_or("tool", |name| name.as_str());
        Ok(Brief {
            version: brief::VERSION,
            instance,
            workload: Workload::clone(workload),
            folder: self.disk.folder_of(instance),
            mounts: self.disk.mounts(),
            first_id: self.tools.first_id(number)?,
            layers: self.images.find_layer_folders(workload)?,
            upper: self.disk.upper(instance),
            blank: self.blanks.as_ref().map(|blanks| blanks.of(workload.limits.disk)).transpose()?,
            volumes,
            cgroup: self.cgroup(instance),
            hostname: name.to_owned(),
            log_bytes: self.settings.log_bytes,
            link: Some(self.networks.join(instance, workload)?),
            keys: Some(self.disk.secret_keys()),
        })
    }

    /// Reports what becomes of an instance, until it has ended.
    async fn follow(self: &Arc<Self>, instance: InstanceId, child: Option<Child>) {
        let folder = self.disk.folder_of(instance);
        let news = match child {
            Some(child) => self.born(child).await,
            None => None,
        };
        if let Some(helper) = self.began(instance).and_then(|began| began.helper.open()) {
            let Ok(helper) = Ready::new(helper) else { return };
            // An earlier process's helper tells nobody any more: then its own end is the sign.
            let mut ended = pin!(async {
                if let Some(news) = &news {
                    tokio::select! { () = news.next() => {} () = helper.wait() => {} }
                }
                // What it says is believed when it is written down.
                if files::read::<Exit>(&folder, files::EXIT).ok().flatten().is_none() {
                    helper.wait().await;
                }
            });
            let mut told = false;
            loop {
                let began = files::read::<Began>(&folder, files::STATE).ok().flatten();
                if let Some(init) = began.and_then(|began| began.init).filter(|_| !told) {
                    self.report(instance, Phase::Running { since: init.since, address: init.address });
                    told = true;
                }
                // Told or not, the end is the end; until it is told, look again soon.
                let pause = if told { Duration::from_secs(3600) } else { SOON };
                if tokio::time::timeout(pause, &mut ended).await.is_ok() {
                    break;
                }
            }
        }
        let exit = files::read::<Exit>(&folder, files::EXIT).ok().flatten();
        if let Some(exit) = exit {
            self.report(instance, Phase::Ended(exit.outcome));
            // With a container's first process all others have ended: what is left is nobody's to wait for.
            self.apart(move |helpers| {
                helpers.networks.leave(instance);
                helpers.sweep(instance);
            })
            .await;
            return;
        }
        let Some(outcome) = self.apart(move |helpers| helpers.lost(instance)).await else { return };
        self.report(instance, Phase::Ended(outcome));
        self.apart(move |helpers| helpers.networks.leave(instance)).await;
    }

    /// Does what a thread has to wait for, on one that nobody else waits for.
    pub async fn apart<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Option<T> {
        let helpers = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&helpers)).await.ok()
    }

    /// Waits until a new helper says that its container runs, or ends. Whence its next news comes.
    async fn born(&self, mut child: Child) -> Option<Ready> {
        let output = child.stdout.take().map(OwnedFd::from);
        let output = output.filter(|output| rustix::io::ioctl_fionbio(output, true).is_ok());
        let news = output.and_then(|output| Ready::new(output).ok());
        if let Some(news) = &news {
            news.next().await;
        }
        self.spawn(async move {
            // So that its number is given back; a helper that outlives this process falls to the first one.
            let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            let Some(pid) = pid else { return };
            let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
            let pidfd = pidfd.map_err(std::io::Error::from).and_then(Ready::new);
            if let Ok(pidfd) = pidfd {
                pidfd.wait().await;
            }
            let _ = child.wait();
        });
        news
    }

    /// See [`files::began`].
    pub fn began(&self, instance: InstanceId) -> Option<Began> {
        files::began(&self.disk.folder_of(instance))
            .inspect_err(|error| tracing::warn!(%error, %instance, "a start could not be called off"))
            .ok()
    }

    /// What is said of an instance whose helper died without a word: that nobody began it, or that its end is not known.
    /// Nothing of it may live on.
    pub fn lost(&self, instance: InstanceId) -> Outcome {
        let used = cgroup::group(&self.cgroup(instance)).used();
        self.sweep(instance);
        let is_nobody = self.began(instance).is_some_and(|began| began == Began::nobody());
        let lost = self.bare(match is_nobody {
            true => End::NotStarted { reason: "what was to start it was ended before it did".to_owned() },
            false => End::Lost,
        });
        let Used { cpu_micros, peak_memory, oom_kills, refused, .. } = used;
        let outcome = Outcome { cpu_micros, peak_memory, oom_kills, refused, ..lost };
        self.settle_quietly(instance, &outcome);
        outcome
    }

    /// Ends what still lives of an instance, and removes its control group and what it wrote into its root.
    fn sweep(&self, instance: InstanceId) {
        let group = cgroup::group(&self.cgroup(instance));
        let cleared = group.kill().and_then(|()| group.remove());
        if let Err(error) = cleared.and_then(|()| disk::remove(&self.disk.upper(instance))) {
            tracing::warn!(%error, %instance, "not all that a container left is cleared before the next start");
        }
    }

    /// Writes down an end that no helper has, and reports it.
    fn settle(&self, instance: InstanceId, outcome: Outcome) {
        self.settle_quietly(instance, &outcome);
        self.report(instance, Phase::Ended(outcome));
    }

    fn settle_quietly(&self, instance: InstanceId, outcome: &Outcome) {
        let path = self.disk.folder_of(instance).join(files::EXIT);
        if let Err(error) = disk::replace(&path, &Exit::new(outcome.clone())) {
            tracing::warn!(%error, %instance, "an end could not be written down");
        }
    }

    fn bare(&self, end: End) -> Outcome {
        Outcome::bare(end, self.clock.now())
    }

    async fn end(&self, instance: InstanceId, grace: Duration) {
        let folder = self.disk.folder_of(instance);
        let init = loop {
            let begins = self.starting().contains(&instance) || folder.exists();
            if files::read::<Exit>(&folder, files::EXIT).ok().flatten().is_some() || !begins {
                return;
            }
            match files::read::<Began>(&folder, files::STATE).ok().flatten().and_then(|began| began.init) {
                Some(init) => break init,
                None => tokio::time::sleep(SOON).await,
            }
        };
        let Some(process) = init.process.open() else { return };
        let number = Brief::read(&folder).map_or(15, |brief| brief.workload.process.stop_signal);
        let signal = Signal::from_named_raw(number.into()).unwrap_or(Signal::TERM);
        // Errors mean that it has just ended.
        let _ = rustix::process::pidfd_send_signal(&process, signal);
        let Ok(process) = Ready::new(process) else { return };
        if tokio::time::timeout(grace, process.wait()).await.is_err() {
            let _ = rustix::process::pidfd_send_signal(&process, Signal::KILL);
        }
    }

    fn report(&self, instance: InstanceId, phase: Phase) {
        // Nobody listens once the runtime is being closed.
        drop(self.reports.send(Report { instance, phase }));
    }
}
