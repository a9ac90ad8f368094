//! A whole Hearth, of real processes.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use hearth_base::{Error, Result, Role};
use hearth_client::{Anonymous, Client, Transport};
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
}

impl Shape {
    /// One process, SQLite.
    pub const TOGETHER_ON_FILES: Self = Self { split: false, store: Store::Files };
    /// One process, PostgreSQL.
    pub const TOGETHER_ON_POSTGRES: Self = Self { split: false, store: Store::Postgres };
    /// A process for each role, SQLite.
    pub const SPLIT_ON_FILES: Self = Self { split: true, store: Store::Files };
    /// A process for each role, PostgreSQL.
    pub const SPLIT_ON_POSTGRES: Self = Self { split: true, store: Store::Postgres };
}

/// A whole Hearth. Its processes end with this value.
pub struct Hearth {
    folder: TempDir,
    split: bool,
    url: String,
    processes: Vec<(Option<Role>, Child)>,
}

impl Hearth {
    /// Starts a Hearth whose state is empty.
    pub async fn start(shape: Shape) -> Result<Self> {
        Self::start_with(shape, "").await
    }

    /// The same with more lines of configuration.
    pub async fn start_with(shape: Shape, more: &str) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let (address, port) = own_address();
        let mut config = format!("{more}\n[log]\nlevel = \"info\"\n");
        if shape.store == Store::Postgres {
            let _in_memory = writeln!(config, "[database]\nurl = \"{}\"", new_postgres()?.reveal());
        }
        if shape.split {
            for (number, role) in (1..).zip(Role::ALL.iter().filter(|role| **role != Role::Gateway)) {
                let place = format!("{address}:{}", port + number);
                let _in_memory =
                    writeln!(config, "[services.{role}]\nlisten = \"{place}\"\nurl = \"http://{place}\"");
            }
        }
        fs::write(folder.path().join("hearth.toml"), config).map_err(Error::internal)?;
        let url = format!("http://{address}:{port}");
        let mut hearth = Self { folder, split: shape.split, url, processes: Vec::new() };
        for role in hearth.parts() {
            hearth.launch(role).await?;
        }
        Ok(hearth)
    }

    /// The address of the door.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A client that shows nothing.
    pub fn nobody(&self) -> Result<Client> {
        Ok(Client::new(Transport::url(&self.url)?, Arc::new(Anonymous)))
    }

    /// Kills the process that plays `role`, at once.
    pub async fn kill(&mut self, role: Role) -> Result<()> {
        let split = self.split;
        for (_, child) in self.processes.iter_mut().filter(|(part, _)| !split || *part == Some(role)) {
            child.kill().await.map_err(Error::internal)?;
        }
        self.processes.retain(|(part, _)| split && *part != Some(role));
        Ok(())
    }

    /// Starts the process that plays `role` again.
    pub async fn revive(&mut self, role: Role) -> Result<()> {
        let part = self.split.then_some(role);
        self.launch(part).await
    }

    /// The ids of its processes.
    pub fn pids(&self) -> Vec<u32> {
        self.processes.iter().filter_map(|(_, child)| child.id()).collect()
    }

    /// Tells all processes to stop, and waits until they have.
    pub async fn stop(mut self) -> Result<()> {
        for (_, child) in self.processes.iter_mut().rev() {
            let pid = child.id().map(|pid| pid.to_string()).unwrap_or_default();
            let told = Command::new("kill").arg("-TERM").arg(pid).status().await.map_err(Error::internal)?;
            let ended = tokio::time::timeout(Duration::from_secs(30), child.wait()).await;
            match ended {
                Ok(Ok(status)) if status.success() && told.success() => {}
                other => return Err(Error::internal(format!("a process did not stop in order: {other:?}"))),
            }
        }
        Ok(())
    }

    /// The processes to start: one for all, or one for each role.
    fn parts(&self) -> Vec<Option<Role>> {
        if self.split { Role::ALL.iter().copied().map(Some).collect() } else { vec![None] }
    }

    async fn launch(&mut self, part: Option<Role>) -> Result<()> {
        let name = part.map_or("hearth", Role::name);
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join(format!("{name}.log")))
            .map_err(Error::internal)?;
        let mut command = Command::new(program("hearthd")?);
        match part {
            None => command.arg("up"),
            Some(role) => command.arg("serve").arg("--roles").arg(role.name()),
        };
        command
            .arg("--config")
            .arg(self.folder.path().join("hearth.toml"))
            .arg("--state")
            .arg(self.state())
            .arg("--listen")
            .arg(self.url.trim_start_matches("http://"))
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

/// A program of this workspace, as built beside the test.
pub fn program(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().map_err(Error::internal)?;
    let found = test.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| is_program(path));
    found.ok_or_else(|| {
        Error::internal(format!("{name} is not built: run ./test, or cargo build --workspace first"))
    })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A loopback address that no other test process uses, and a port there that no other Hearth of this one does.
fn own_address() -> (String, u16) {
    static USED: AtomicU16 = AtomicU16::new(0);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = 8080 + USED.fetch_add(100, Ordering::Relaxed);
    (format!("127.{high}.{middle}.{}", low.max(1)), port)
}
