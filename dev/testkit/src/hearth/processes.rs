//! The processes of a Hearth: started, killed, started again, stopped.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use hearth_base::{Error, Result, Role};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::{Hearth, Shape, own_address};

/// The part of a Hearth that a process plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Everything, containers included: `hearthd up`.
    Up,
    /// Every role.
    Services,
    /// One role.
    Role(Role),
    /// One role once more, on another state folder: as on another machine.
    Second(Role),
    /// Containers.
    Runtime,
}

impl Hearth {
    /// Kills the process that plays `role`, at once. Under `hearthd up` that is the one of all services, which is
    /// started again by itself.
    pub async fn kill(&mut self, role: Role) -> Result<()> {
        if let Some((_, up)) = self.processes.iter().find(|(part, _)| *part == Part::Up) {
            return up.id().and_then(child_of).map_or_else(
                || Err(Error::internal("no services run")),
                |services| signal(services, "KILL"),
            );
        }
        self.end(|part| matches!(part, Part::Services) || part == Part::Role(role)).await
    }

    /// Kills every process at once. Containers go on.
    pub async fn kill_all(&mut self) -> Result<()> {
        // Whoever would start another again first. One of them may end with another.
        for pid in self.pids().into_iter().rev() {
            let _gone = signal(pid, "KILL");
        }
        self.end(|_| true).await
    }

    /// Kills the process that starts containers, where it is one of its own.
    pub async fn kill_runtime(&mut self) -> Result<()> {
        self.end(|part| part == Part::Runtime).await
    }

    async fn end(&mut self, which: impl Fn(Part) -> bool) -> Result<()> {
        for (_, child) in self.processes.iter_mut().filter(|(part, _)| which(*part)) {
            child.kill().await.map_err(Error::internal)?;
        }
        self.processes.retain(|(part, _)| !which(*part));
        Ok(())
    }

    /// Starts the process that plays `role` again.
    pub async fn revive(&mut self, role: Role) -> Result<()> {
        let part = if self.shape.split { Part::Role(role) } else { Part::Services };
        self.launch(part).await
    }

    /// Starts every process again that was killed.
    pub async fn revive_all(&mut self) -> Result<()> {
        for part in self.parts() {
            if !self.processes.iter().any(|(running, _)| *running == part) {
                self.launch(part).await?;
            }
        }
        Ok(())
    }

    /// Starts a second process for a role of a Hearth that has a process for each, on the same database, and
    /// with the same keys. Nobody but the test calls it. Returns where it listens, as a URL.
    pub async fn start_second(&mut self, role: Role) -> Result<String> {
        let other = format!("{}:{}", own_address().0, 8000);
        let place = self.place(role).ok_or_else(|| Error::internal("the role has no process of its own"))?;
        let folder = self.folder.path();
        let config = fs::read_to_string(folder.join("hearth.toml")).map_err(Error::internal)?;
        let config = config.replace(&place, &other);
        fs::write(folder.join("second.toml"), config).map_err(Error::internal)?;
        let keys = folder.join("second").join("keys");
        fs::create_dir_all(&keys).map_err(Error::internal)?;
        for key in fs::read_dir(self.state().join("keys")).map_err(Error::internal)? {
            let key = key.map_err(Error::internal)?;
            fs::copy(key.path(), keys.join(key.file_name())).map_err(Error::internal)?;
        }
        self.launch(Part::Second(role)).await?;
        Ok(format!("http://{other}"))
    }

    /// The ids of its processes; the one of services under `hearthd up` included.
    pub fn pids(&self) -> Vec<u32> {
        let own = self.processes.iter().filter_map(|(_, child)| child.id());
        own.flat_map(|pid| child_of(pid).into_iter().chain([pid])).collect()
    }

    /// The id of the process that speaks HTTP to outsiders.
    pub fn door_pid(&self) -> Option<u32> {
        let door = |part: &Part| matches!(part, Part::Up | Part::Services | Part::Role(Role::Gateway));
        let pid = self.processes.iter().find(|(part, _)| door(part)).and_then(|(_, child)| child.id())?;
        child_of(pid).or(Some(pid))
    }

    /// Tells all processes to stop, and waits until they have.
    pub async fn stop(mut self) -> Result<()> {
        for (_, child) in self.processes.iter_mut().rev() {
            let told = child.id().map_or(Ok(()), |pid| signal(pid, "TERM"));
            let ended = tokio::time::timeout(Duration::from_secs(30), child.wait()).await;
            match ended {
                Ok(Ok(status)) if status.success() && told.is_ok() => {}
                other => return Err(Error::internal(format!("a process did not stop in order: {other:?}"))),
            }
        }
        Ok(())
    }

    /// The processes to start, in this order.
    pub(super) fn parts(&self) -> Vec<Part> {
        let Shape { split, containers, .. } = self.shape;
        match (split, containers) {
            (false, false) => vec![Part::Services],
            (false, true) => vec![Part::Up],
            (true, _) => {
                let runtime = containers.then_some(Part::Runtime);
                runtime.into_iter().chain(Role::ALL.iter().copied().map(Part::Role)).collect()
            }
        }
    }

    pub(super) async fn launch(&mut self, part: Part) -> Result<()> {
        let name = match part {
            Part::Up | Part::Services => "hearth",
            Part::Role(role) => role.name(),
            Part::Second(_) => "second",
            Part::Runtime => "runtime",
        };
        let folder = self.folder.path();
        let (config, state) = match part {
            Part::Second(_) => (folder.join("second.toml"), folder.join("second")),
            _ => (folder.join("hearth.toml"), folder.join("state")),
        };
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join(format!("{name}.log")))
            .map_err(Error::internal)?;
        let mut command = Command::new(program("hearthd")?);
        match part {
            Part::Up => command.arg("up"),
            Part::Services => command.args(["serve", "--roles", "all"]),
            Part::Role(role) | Part::Second(role) => command.args(["serve", "--roles", role.name()]),
            Part::Runtime => command.args(["runtime", "--caller", "0"]),
        };
        command
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(state)
            .arg("--listen")
            .arg(self.url.trim_start_matches("http://"))
            .env("HEARTH_OUTBOUND__LISTEN", &self.outbound)
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
                let log = self.log(name);
                return Err(Error::internal(format!("{name} did not start ({other:?}):\n{log}")));
            }
        }
        self.processes.push((part, child));
        Ok(())
    }
}

/// The first child of a process.
fn child_of(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let services = |child: &u32| {
        fs::read_to_string(format!("/proc/{child}/cmdline")).is_ok_and(|line| line.contains("\0serve\0"))
    };
    children.split_whitespace().filter_map(|child| child.parse().ok()).find(services)
}

pub(crate) fn signal(pid: u32, name: &str) -> Result<()> {
    let mut kill = std::process::Command::new("kill");
    let told = kill.arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status();
    match told {
        Ok(status) if status.success() => Ok(()),
        other => Err(Error::internal(format!("process {pid} was not signalled: {other:?}"))),
    }
}

/// A program of this workspace, as built beside the test.
pub fn program(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().map_err(Error::internal)?;
    let found = test.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| is_program(path));
    found.ok_or_else(|| {
        Error::internal(format!("{name} is not built: run ./test, or cargo build --workspace first"))
    })
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
