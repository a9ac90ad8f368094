//! A whole Hearth of real processes.

mod instance;
mod processes;
mod program;
mod release;

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use hearth_base::{Error, Result, Role, Secret, SystemClock};
use hearth_client::{Anonymous, Client, ServiceAuthority, Transport};
use hearth_kit::{db::Db, keys::KeyFolder};
use tempfile::TempDir;
use tokio::process::Child;

pub(crate) use self::processes::send_signal;
use self::{
    instance::{build_runtime_settings, clear_instance, remove_abandoned_instances},
    processes::ProcessKind,
    release::is_new_role,
};
pub use self::{
    program::program_path,
    release::{Release, ReleasePlan},
};
use crate::databases::{DatabaseKind, new_postgres};

/// The processes and the database of a Hearth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HearthShape {
    /// True if each role has its own process.
    pub split: bool,
    /// The kind of database.
    pub database_kind: DatabaseKind,
    /// True if it can start containers, which requires root.
    pub containers: bool,
}

impl HearthShape {
    /// One process, SQLite.
    pub const TOGETHER_ON_FILES: Self =
        Self { split: false, database_kind: DatabaseKind::Sqlite, containers: false };
    /// One process, PostgreSQL.
    pub const TOGETHER_ON_POSTGRES: Self =
        Self { split: false, database_kind: DatabaseKind::Postgres, containers: false };
    /// A process for each role, SQLite.
    pub const SPLIT_ON_FILES: Self =
        Self { split: true, database_kind: DatabaseKind::Sqlite, containers: false };
    /// A process for each role, PostgreSQL.
    pub const SPLIT_ON_POSTGRES: Self =
        Self { split: true, database_kind: DatabaseKind::Postgres, containers: false };
    /// `hearthd up` with SQLite and containers, as in production on one machine.
    pub const UP_WITH_CONTAINERS: Self =
        Self { split: false, database_kind: DatabaseKind::Sqlite, containers: true };
    /// A process for each role and one for containers, PostgreSQL.
    pub const SPLIT_WITH_CONTAINERS: Self =
        Self { split: true, database_kind: DatabaseKind::Postgres, containers: true };
}

/// A whole Hearth. Its processes are killed when this value is dropped.
pub struct Hearth {
    folder: TempDir,
    shape: HearthShape,
    url: String,
    /// The address of the outbound proxy.
    outbound_proxy: String,
    /// The URL of its database on a server; absent where the data is in files.
    database_url: Option<Secret>,
    processes: Vec<(ProcessKind, Child)>,
    /// The releases of processes that are started from now on.
    releases: ReleasePlan,
}

/// The uid of the services under `hearthd up`. It needs no name.
const SERVICES_USER: u32 = 61_234;

impl Hearth {
    /// Starts a Hearth with an empty state folder.
    pub async fn start(shape: HearthShape) -> Result<Self> {
        Self::start_with(shape, "").await
    }

    /// Starts a Hearth with processes of two releases.
    pub async fn start_in_releases(
        shape: HearthShape,
        more_config: &str,
        releases: ReleasePlan,
    ) -> Result<Self> {
        let mut hearth = Self::create_stopped(shape, more_config, releases)?;
        hearth.start_missing_processes().await?;
        Ok(hearth)
    }

    /// Starts a Hearth with additional lines of configuration.
    pub async fn start_with(shape: HearthShape, more_config: &str) -> Result<Self> {
        Self::start_in_releases(shape, more_config, ReleasePlan::ALL_CURRENT).await
    }

    /// Creates the state folder and the configuration of a Hearth without starting it.
    pub fn create_stopped(shape: HearthShape, more_config: &str, releases: ReleasePlan) -> Result<Self> {
        if shape.containers {
            remove_abandoned_instances();
        }
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let (address, port) = allocate_address();
        // Services under `hearthd up` run as another user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(Error::internal)?;
        let mut config = format!("{more_config}\n[log]\nlevel = \"info\"\n");
        let _in_memory = writeln!(config, "{}", build_runtime_settings());
        let database = (shape.database_kind == DatabaseKind::Postgres).then(new_postgres).transpose()?;
        if let Some(url) = &database {
            let _in_memory = writeln!(config, "[database]\nurl = \"{}\"", url.expose_secret());
        }
        let mut of_new_roles = String::new();
        if shape.split {
            for (number, role) in list_role_ports() {
                let role_address = format!("{address}:{}", port + number);
                let section = if is_new_role(role) { &mut of_new_roles } else { &mut config };
                let _in_memory = writeln!(
                    section,
                    "[services.{role}]\nlisten = \"{role_address}\"\nurl = \"http://{role_address}\""
                );
            }
        }
        let written = fs::write(folder.path().join(Release::Previous.config_file()), &config);
        written.map_err(Error::internal)?;
        fs::write(folder.path().join(Release::Current.config_file()), config + &of_new_roles)
            .map_err(Error::internal)?;
        Ok(Self {
            folder,
            shape,
            url: format!("http://{address}:{port}"),
            outbound_proxy: format!("{address}:{}", port + 90),
            database_url: database,
            processes: Vec::new(),
            releases,
        })
    }

    /// Chooses the releases of processes that are started from now on.
    pub fn choose_releases(&mut self, releases: ReleasePlan) {
        self.releases = releases;
    }

    /// The folder that holds all durable data.
    pub fn durable_folder(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The URL of the gateway.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of a role with its own process, as `ADDRESS:PORT`; none if all roles share a process.
    pub fn role_address(&self, role: Role) -> Option<String> {
        let (address, port) = self.url.trim_start_matches("http://").split_once(':')?;
        let number = list_role_ports().find(|(_, candidate)| *candidate == role).map(|(number, _)| number)?;
        let gateway_port: u16 = port.parse().ok()?;
        self.shape.split.then(|| format!("{address}:{}", gateway_port + number))
    }

    /// The state folder of the services.
    pub fn state_folder(&self) -> PathBuf {
        let state = self.folder.path().join("state");
        if self.list_process_kinds().contains(&ProcessKind::Up) { state.join("services") } else { state }
    }

    /// The state folder of the runtime, which only root can open. It exists only if this Hearth can start
    /// containers.
    pub fn runtime_state(&self) -> PathBuf {
        self.folder.path().join("state").join("runtime")
    }

    /// The socket of the runtime process. If that is a separate process, the test's user may call it.
    pub fn runtime_socket(&self) -> Result<PathBuf> {
        let config = fs::read_to_string(self.folder.path().join("hearth.toml")).map_err(Error::internal)?;
        let instance = config.lines().find_map(|line| line.strip_prefix("instance = "));
        let instance =
            instance.ok_or_else(|| Error::internal("no instance is configured"))?.trim_matches('"');
        Ok(PathBuf::from(format!("/run/hearth-{instance}/socket")))
    }

    /// A client without credentials.
    pub fn anonymous(&self) -> Result<Client> {
        Ok(Client::new(Transport::from_url(&self.url)?, Arc::new(Anonymous)))
    }

    /// Changes the configuration of processes that are started later.
    pub fn replace_in_config(&self, from: &str, to: &str) -> Result<()> {
        for release in [Release::Current, Release::Previous] {
            let path = self.folder.path().join(release.config_file());
            let config = fs::read_to_string(&path).map_err(Error::internal)?;
            fs::write(path, config.replace(from, to)).map_err(Error::internal)?;
        }
        Ok(())
    }

    /// Opens the database of a role, as a process of that role does.
    pub async fn open_database(&self, role: Role) -> Result<Db> {
        match self.database_url.as_ref() {
            Some(url) => Db::open_postgres(url, role).await,
            None => Db::open_file(&self.state_folder().join("db"), role).await,
        }
    }

    /// A client for the process of `service` at a URL, with the identity of the role `caller`.
    pub fn service_client(&self, url: &str, service: Role, caller: Role) -> Result<Client> {
        let key = KeyFolder::new(self.state_folder().join("keys")).read_private_key(caller)?;
        let authority = ServiceAuthority::new(key, Arc::new(SystemClock));
        Ok(Client::for_service(service, Transport::from_url(url)?, Arc::new(authority)))
    }

    /// Provides an image from an OCI image layout.
    pub fn provide_image(&self, name: &str, layout: &Path) -> Result<()> {
        let mut import = self.hearthd_command(&["image", "import", name])?;
        let output = import.arg(layout).output().map_err(Error::internal)?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::internal(format!("{name}: {}", String::from_utf8_lossy(&output.stderr))))
    }

    /// The command `hearthd` with these arguments and with the configuration of this Hearth.
    pub fn hearthd_command(&self, arguments: &[&str]) -> Result<std::process::Command> {
        let mut command = std::process::Command::new(program_path("hearthd")?);
        command.args(arguments);
        command.arg("--config").arg(self.folder.path().join("hearth.toml"));
        command.arg("--state").arg(self.folder.path().join("state"));
        Ok(command)
    }

    /// Reads the log that a process has written so far.
    pub fn read_log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default()
    }
}

impl Drop for Hearth {
    fn drop(&mut self) {
        for pid in self.list_pids() {
            // A process may already have ended together with another.
            let _already_ended = send_signal(pid, "KILL");
        }
        for (_, child) in &mut self.processes {
            while matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        if self.shape.containers
            && let Ok(hearthd) = self.releases.others.program_path("hearthd")
        {
            let config = self.folder.path().join(self.releases.others.config_file());
            clear_instance(&hearthd, &config, &self.folder.path().join("state"));
        }
    }
}

/// Lists the roles except the gateway, each with the offset of its port from the gateway's.
fn list_role_ports() -> impl Iterator<Item = (u16, Role)> {
    (1..).zip(Role::ALL.iter().copied().filter(|role| *role != Role::Gateway))
}

/// Returns a loopback address that no other test process uses, and a port that no other Hearth of this
/// process uses.
fn allocate_address() -> (String, u16) {
    static USED_PORTS: AtomicU16 = AtomicU16::new(0);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = 8080 + USED_PORTS.fetch_add(100, Ordering::Relaxed);
    (format!("127.{high}.{middle}.{}", low.max(1)), port)
}
