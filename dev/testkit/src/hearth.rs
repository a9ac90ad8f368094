//! A whole Hearth, of real processes.

mod processes;

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
use tokio::process::Child;

use self::processes::Part;
pub use self::processes::program;
pub(crate) use self::processes::signal;
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
    pub fn replace_in_config(&self, from: &str, to: &str) -> Result<()> {
        let path = self.folder.path().join("hearth.toml");
        let config = fs::read_to_string(&path).map_err(Error::internal)?;
        fs::write(path, config.replace(from, to)).map_err(Error::internal)
    }

    /// Opens the database of a role, as a process of it does.
    pub async fn open_database(&self, role: Role) -> Result<Db> {
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

/// A loopback address that no other test process uses, and a port there that no other Hearth of this one does.
fn own_address() -> (String, u16) {
    static USED: AtomicU16 = AtomicU16::new(0);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = 8080 + USED.fetch_add(100, Ordering::Relaxed);
    (format!("127.{high}.{middle}.{}", low.max(1)), port)
}
