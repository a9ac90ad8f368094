//! A whole Hearth, of real processes.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicU32, Ordering},
    },
    time::Duration,
};

use hearth_base::{Error, Result, Role, Secret, SystemClock};
use hearth_client::{Anonymous, Client, ServiceAuthority, Transport};
use hearth_kit::{db::Db, keys::KeyFolder};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::databases::{Store, new_postgres};

/// How a Hearth is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Whether each role has a process of its own.
    pub split: bool,
    /// Where the data is.
    pub store: Store,
    /// Whether it can start containers, which takes root.
    pub containers: bool,
}

impl Shape {
    /// One process, SQLite.
    pub const TOGETHER_ON_FILES: Self = Self { split: false, store: Store::Files, containers: false };
    /// One process, PostgreSQL.
    pub const TOGETHER_ON_POSTGRES: Self = Self { split: false, store: Store::Postgres, containers: false };
    /// A process for each role, SQLite.
    pub const SPLIT_ON_FILES: Self = Self { split: true, store: Store::Files, containers: false };
    /// A process for each role, PostgreSQL.
    pub const SPLIT_ON_POSTGRES: Self = Self { split: true, store: Store::Postgres, containers: false };
    /// As people run it: `hearthd up`, SQLite, containers.
    pub const UP: Self = Self { split: false, store: Store::Files, containers: true };
    /// A process for each role and one for containers, PostgreSQL.
    pub const SPLIT_WITH_CONTAINERS: Self = Self { split: true, store: Store::Postgres, containers: true };
}

/// A whole Hearth. Its processes end with this value.
pub struct Hearth {
    folder: TempDir,
    shape: Shape,
    url: String,
    /// Where builds find the way out.
    outbound: String,
    /// The URL of its database on a server; absent where the data is in files.
    database: Option<Secret>,
    processes: Vec<(Part, Child)>,
}

/// What a process of a Hearth plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
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

/// The user of the host that services run as under `hearthd up`. It needs no name.
const SERVICES_USER: u32 = 61_234;

impl Hearth {
    /// Starts a Hearth whose state is empty.
    pub async fn start(shape: Shape) -> Result<Self> {
        Self::start_with(shape, "").await
    }

    /// The same with more lines of configuration.
    pub async fn start_with(shape: Shape, more: &str) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let (address, port) = own_address();
        // Services under `hearthd up` are another user's.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(Error::internal)?;
        let mut config = format!("{more}\n[log]\nlevel = \"info\"\n");
        let _in_memory = writeln!(config, "{}", own_runtime());
        let database = (shape.store == Store::Postgres).then(new_postgres).transpose()?;
        if let Some(url) = &database {
            let _in_memory = writeln!(config, "[database]\nurl = \"{}\"", url.reveal());
        }
        if shape.split {
            for (number, role) in own_places() {
                let place = format!("{address}:{}", port + number);
                let _in_memory =
                    writeln!(config, "[services.{role}]\nlisten = \"{place}\"\nurl = \"http://{place}\"");
            }
        }
        fs::write(folder.path().join("hearth.toml"), config).map_err(Error::internal)?;
        let url = format!("http://{address}:{port}");
        let outbound = format!("{address}:{}", port + 90);
        let mut hearth = Self { folder, shape, url, outbound, database, processes: Vec::new() };
        for part in hearth.parts() {
            hearth.launch(part).await?;
        }
        Ok(hearth)
    }

    /// The address of the door.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where a role listens that has a process of its own, as `ADDRESS:PORT`.
    pub fn place(&self, role: Role) -> Option<String> {
        let (address, port) = self.url.trim_start_matches("http://").split_once(':')?;
        let number = own_places().find(|(_, known)| *known == role).map(|(number, _)| number)?;
        let door: u16 = port.parse().ok()?;
        self.shape.split.then(|| format!("{address}:{}", door + number))
    }

    /// The state folder of the services.
    pub fn state(&self) -> PathBuf {
        let state = self.folder.path().join("state");
        if self.parts().contains(&Part::Up) { state.join("services") } else { state }
    }

    /// What only root can open; there only when it can start containers.
    pub fn runtime_state(&self) -> PathBuf {
        self.folder.path().join("state").join("runtime")
    }

    /// The socket of the process that starts containers. Where it is a process of its own, the test's user may
    /// call it.
    pub fn runtime_socket(&self) -> Result<PathBuf> {
        let config = fs::read_to_string(self.folder.path().join("hearth.toml")).map_err(Error::internal)?;
        let instance = config.lines().find_map(|line| line.strip_prefix("instance = "));
        let instance =
            instance.ok_or_else(|| Error::internal("no instance is configured"))?.trim_matches('"');
        Ok(PathBuf::from(format!("/run/hearth-{instance}/socket")))
    }

    /// A client that shows nothing.
    pub fn nobody(&self) -> Result<Client> {
        Ok(Client::new(Transport::url(&self.url)?, Arc::new(Anonymous)))
    }

    /// Changes the configuration, for processes that are started from now on.
    pub fn configure(&self, from: &str, to: &str) -> Result<()> {
        let path = self.folder.path().join("hearth.toml");
        let config = fs::read_to_string(&path).map_err(Error::internal)?;
        fs::write(path, config.replace(from, to)).map_err(Error::internal)
    }

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

    /// The database of a role, as a process of it opens it.
    pub async fn database(&self, role: Role) -> Result<Db> {
        match self.database.as_ref() {
            Some(url) => Db::open_postgres(url, role).await,
            None => Db::open_file(&self.state().join("db"), role).await,
        }
    }

    /// Calls to a process of `service` by its URL, in the name of the role `caller`.
    pub fn service(&self, url: &str, service: Role, caller: Role) -> Result<Client> {
        let key = KeyFolder::at(self.state().join("keys")).own(caller)?;
        let authority = ServiceAuthority::new(key, Arc::new(SystemClock));
        Ok(Client::of(service, Transport::url(url)?, Arc::new(authority)))
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

    /// Provides an image that lies in a folder as an OCI image layout.
    pub fn provide_image(&self, name: &str, layout: &Path) -> Result<()> {
        let mut import = self.operates(&["image", "import", name])?;
        let output = import.arg(layout).output().map_err(Error::internal)?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::internal(format!("{name}: {}", String::from_utf8_lossy(&output.stderr))))
    }

    /// `hearthd` as an operator types it for this Hearth.
    pub fn operates(&self, words: &[&str]) -> Result<std::process::Command> {
        let mut command = std::process::Command::new(program("hearthd")?);
        command.args(words);
        command.arg("--config").arg(self.folder.path().join("hearth.toml"));
        command.arg("--state").arg(self.folder.path().join("state"));
        Ok(command)
    }

    /// The processes to start, in this order.
    fn parts(&self) -> Vec<Part> {
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

    async fn launch(&mut self, part: Part) -> Result<()> {
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

    /// What a process has logged so far.
    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default()
    }
}

impl Drop for Hearth {
    fn drop(&mut self) {
        for pid in self.pids() {
            // One of them may end with another.
            let _gone = signal(pid, "KILL");
        }
        for (_, child) in &mut self.processes {
            while matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        if self.shape.containers
            && let Ok(hearthd) = program("hearthd")
        {
            let config = self.folder.path().join("hearth.toml");
            let mut clear = std::process::Command::new(hearthd);
            clear
                .arg("clear")
                .arg("--config")
                .arg(config)
                .arg("--state")
                .arg(self.folder.path().join("state"));
            // A test that fails already is not helped by a second failure.
            let _cleared = clear.stdout(Stdio::null()).status();
        }
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

/// Roles that listen for other roles only, each with how far behind the door's its port is.
fn own_places() -> impl Iterator<Item = (u16, Role)> {
    (1..).zip(Role::ALL.iter().copied().filter(|role| *role != Role::Gateway))
}

/// A runtime's settings that no other Hearth of this host has at this moment.
fn own_runtime() -> String {
    static USED: AtomicU32 = AtomicU32::new(0);
    let number = (std::process::id() << 4 | USED.fetch_add(1, Ordering::Relaxed) & 0xf) & 0x0fff_ffff;
    let first = 0x1000_0000 + (number % 1024) * 16 * 65_536;
    format!("[runtime]\ninstance = \"w{number:x}\"\nuser = \"{SERVICES_USER}\"\nfirst_id = {first}\n")
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

/// A loopback address that no other test process uses, and a port there that no other Hearth of this one does.
fn own_address() -> (String, u16) {
    static USED: AtomicU16 = AtomicU16::new(0);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = 8080 + USED.fetch_add(100, Ordering::Relaxed);
    (format!("127.{high}.{middle}.{}", low.max(1)), port)
}
