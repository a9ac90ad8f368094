//! Starts, kills, restarts and stops the processes of a Hearth.

use std::{fs, process::Stdio, time::Duration};

use hearth_base::{Error, Result, Role};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::{
    Hearth, HearthShape, allocate_address,
    release::{Release, is_new_role},
};

/// A kind of process of a Hearth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProcessKind {
    /// All services and the runtime: `hearthd up`.
    Up,
    /// All services in one process.
    Services,
    /// The service of one role.
    Role(Role),
    /// A second process of one role with another state folder, as on another machine.
    Second(Role),
    /// The runtime.
    Runtime,
}

impl Hearth {
    /// Kills the process of `role` with SIGKILL. Under `hearthd up` that is the process of all services,
    /// which `hearthd` restarts.
    pub async fn kill(&mut self, role: Role) -> Result<()> {
        if let Some((_, up)) = self.processes.iter().find(|(kind, _)| *kind == ProcessKind::Up) {
            return up.id().and_then(find_services_child).map_or_else(
                || Err(Error::internal("no process of services is running")),
                |services| send_signal(services, "KILL"),
            );
        }
        self.end_processes(|kind| matches!(kind, ProcessKind::Services) || kind == ProcessKind::Role(role))
            .await
    }

    /// Kills every process with SIGKILL. Containers keep running.
    pub async fn kill_all(&mut self) -> Result<()> {
        // Parents come first, because they would restart their children. A process may end together with
        // another.
        for pid in self.list_pids().into_iter().rev() {
            let _already_ended = send_signal(pid, "KILL");
        }
        self.end_processes(|_| true).await
    }

    /// Kills the runtime process, if it is a separate one.
    pub async fn kill_runtime(&mut self) -> Result<()> {
        self.end_processes(|kind| kind == ProcessKind::Runtime).await
    }

    async fn end_processes(&mut self, is_selected: impl Fn(ProcessKind) -> bool) -> Result<()> {
        for (_, child) in self.processes.iter_mut().filter(|(kind, _)| is_selected(*kind)) {
            child.kill().await.map_err(Error::internal)?;
        }
        self.processes.retain(|(kind, _)| !is_selected(*kind));
        Ok(())
    }

    /// Restarts the process of `role`.
    pub async fn restart_role(&mut self, role: Role) -> Result<()> {
        let kind = if self.shape.split { ProcessKind::Role(role) } else { ProcessKind::Services };
        self.launch_process(kind).await
    }

    /// Starts every process that was killed.
    pub async fn start_missing_processes(&mut self) -> Result<()> {
        for kind in self.list_process_kinds() {
            if !self.processes.iter().any(|(running, _)| *running == kind) {
                self.launch_process(kind).await?;
            }
        }
        Ok(())
    }

    /// Starts a second process of a role on the same database and with the same keys, and returns its URL.
    /// Requires a Hearth with a process for each role. Only the test calls the new process.
    pub async fn start_second(&mut self, role: Role) -> Result<String> {
        let (address, port) = allocate_address();
        let other = format!("{address}:{port}");
        let role_address = self.role_address(role).ok_or_else(|| {
            Error::internal("role has no separate process: start Hearth with a split shape")
        })?;
        let folder = self.folder.path();
        let release = self.release_for(ProcessKind::Second(role));
        let config = fs::read_to_string(folder.join(release.config_file())).map_err(Error::internal)?;
        let config = config.replace(&role_address, &other);
        fs::write(folder.join("second.toml"), config).map_err(Error::internal)?;
        let keys = folder.join("second").join("keys");
        fs::create_dir_all(&keys).map_err(Error::internal)?;
        for key in fs::read_dir(self.state_folder().join("keys")).map_err(Error::internal)? {
            let key = key.map_err(Error::internal)?;
            fs::copy(key.path(), keys.join(key.file_name())).map_err(Error::internal)?;
        }
        self.launch_process(ProcessKind::Second(role)).await?;
        Ok(format!("http://{other}"))
    }

    /// The ids of all processes, including the process of services under `hearthd up`.
    pub fn list_pids(&self) -> Vec<u32> {
        let own = self.processes.iter().filter_map(|(_, child)| child.id());
        own.flat_map(|pid| find_services_child(pid).into_iter().chain([pid])).collect()
    }

    /// The id of the process that accepts HTTP connections from outside.
    pub fn door_pid(&self) -> Option<u32> {
        let accepts_http = |kind: &ProcessKind| {
            matches!(kind, ProcessKind::Up | ProcessKind::Services | ProcessKind::Role(Role::Gateway))
        };
        let pid =
            self.processes.iter().find(|(kind, _)| accepts_http(kind)).and_then(|(_, child)| child.id())?;
        find_services_child(pid).or(Some(pid))
    }

    /// Stops all processes with SIGTERM and waits for their end. Fails if a process does not exit with status
    /// 0.
    pub async fn stop(mut self) -> Result<()> {
        for (_, child) in self.processes.iter_mut().rev() {
            let signalled = child.id().map_or(Ok(()), |pid| send_signal(pid, "TERM"));
            let ended = tokio::time::timeout(Duration::from_secs(30), child.wait()).await;
            match ended {
                Ok(Ok(status)) if status.success() && signalled.is_ok() => {}
                other => {
                    return Err(Error::internal(format!("process did not stop with status 0: {other:?}")));
                }
            }
        }
        Ok(())
    }

    /// The processes of this shape, in the order of their start.
    pub(super) fn list_process_kinds(&self) -> Vec<ProcessKind> {
        let HearthShape { split, containers, .. } = self.shape;
        let roles = Role::ALL.iter().copied().filter(|role| {
            self.release_for(ProcessKind::Role(*role)) == Release::Current || !is_new_role(*role)
        });
        match (split, containers) {
            (false, false) => vec![ProcessKind::Services],
            (false, true) => vec![ProcessKind::Up],
            (true, _) => {
                let runtime = containers.then_some(ProcessKind::Runtime);
                runtime.into_iter().chain(roles.map(ProcessKind::Role)).collect()
            }
        }
    }

    /// The release that a process is started from.
    fn release_for(&self, kind: ProcessKind) -> Release {
        match kind {
            ProcessKind::Role(role) | ProcessKind::Second(role) => (self.releases.role)(role),
            ProcessKind::Up | ProcessKind::Services | ProcessKind::Runtime => self.releases.others,
        }
    }

    pub(super) async fn launch_process(&mut self, kind: ProcessKind) -> Result<()> {
        let name = match kind {
            ProcessKind::Up | ProcessKind::Services => "hearth",
            ProcessKind::Role(role) => role.name(),
            ProcessKind::Second(_) => "second",
            ProcessKind::Runtime => "runtime",
        };
        let folder = self.folder.path();
        let release = self.release_for(kind);
        let (config, state) = match kind {
            ProcessKind::Second(_) => (folder.join("second.toml"), folder.join("second")),
            _ => (folder.join(release.config_file()), folder.join("state")),
        };
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join(format!("{name}.log")))
            .map_err(Error::internal)?;
        let mut command = Command::new(release.program_path("hearthd")?);
        match kind {
            ProcessKind::Up => command.arg("up"),
            ProcessKind::Services => command.args(["serve", "--roles", "all"]),
            ProcessKind::Role(role) | ProcessKind::Second(role) => {
                command.args(["serve", "--roles", role.name()])
            }
            ProcessKind::Runtime => command.args(["runtime", "--caller", "0"]),
        };
        command
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(state)
            .arg("--listen")
            .arg(self.url.trim_start_matches("http://"))
            .env("HEARTH_OUTBOUND__LISTEN", &self.outbound_proxy)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::internal)?;
        let output = child.stdout.take().ok_or_else(|| Error::internal("no standard output"))?;
        let mut lines = BufReader::new(output).lines();
        let first = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
        match first {
            Ok(Ok(Some(_))) => {}
            other => {
                let log = self.read_log(name);
                return Err(Error::internal(format!("{name} did not start ({other:?}):\n{log}")));
            }
        }
        self.processes.push((kind, child));
        Ok(())
    }
}

/// Returns the id of the child that serves all roles, under `hearthd up`.
fn find_services_child(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let services = |child: &u32| {
        fs::read_to_string(format!("/proc/{child}/cmdline")).is_ok_and(|line| line.contains("\0serve\0"))
    };
    children.split_whitespace().filter_map(|child| child.parse().ok()).find(services)
}

pub(crate) fn send_signal(pid: u32, name: &str) -> Result<()> {
    let mut kill = std::process::Command::new("kill");
    let signalled = kill.arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status();
    match signalled {
        Ok(status) if status.success() => Ok(()),
        other => Err(Error::internal(format!("process {pid} has not received the signal {name}: {other:?}"))),
    }
}
