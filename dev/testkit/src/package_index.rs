//! Package indexes on the loopback interface, as an operator has them: of Python with a registry of Node.js, of gems, and of
//! composer.

use std::{ffi::OsStr, fs, path::Path, process::Stdio};

use hearth_base::{Error, Result};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const SERVER_PROGRAM: &str = include_str!("package_index.py");
const DEBIAN_REPOSITORY_PROGRAM: &str = include_str!("debian_repository.py");
const PYTHON_PATH: &str = "/usr/bin/python3";

/// An index that alone has the package `hearth-pond`, and redirects to this machine's own index for others. It stops when
/// this value is dropped.
pub struct PackageIndex {
    folder: TempDir,
    address: String,
    _process: Child,
}

impl PackageIndex {
    /// SHA-256 of the only wheel of `hearth-pond`, as lock files contain it.
    pub const WHEEL_HASH: &str = "beb1d518af00a79b8d7a68f9e5e73f75ce2d843d74b8f000b593e87f0e11874f";

    /// Starts the index.
    pub async fn start() -> Result<Self> {
        Self::start_program(SERVER_PROGRAM, &[]).await
    }

    /// Starts a repository of the gem `hearth-pond`, and of the gems in these packages of a Debian release and in those that
    /// they need. `downloads` keeps the packages.
    pub async fn start_gem_repository(downloads: &Path, release: &str, packages: &[&str]) -> Result<Self> {
        Self::start_debian_repository("gems", downloads, release, packages).await
    }

    /// Starts a repository of packages of composer, named `VENDOR/NAME`, from these source packages of a Debian release.
    /// `downloads` keeps the packages.
    pub async fn start_composer_repository(
        downloads: &Path,
        release: &str,
        packages: &[&str],
    ) -> Result<Self> {
        Self::start_debian_repository("composer", downloads, release, packages).await
    }

    /// Starts a server of `/gradle-bin.zip`, the distribution of Gradle that a wrapper fetches, from packages of a Debian
    /// release. `downloads` keeps the packages, and gets the wrapper, `gradle-wrapper.jar`.
    pub async fn start_gradle_distribution(downloads: &Path, release: &str) -> Result<Self> {
        Self::start_debian_repository("gradle", downloads, release, &[]).await
    }

    async fn start_debian_repository(
        kind: &str,
        downloads: &Path,
        release: &str,
        packages: &[&str],
    ) -> Result<Self> {
        let first = [OsStr::new(kind), downloads.as_os_str(), OsStr::new(release)];
        let arguments: Vec<&OsStr> = first.into_iter().chain(packages.iter().map(OsStr::new)).collect();
        Self::start_program(DEBIAN_REPOSITORY_PROGRAM, &arguments).await
    }

    async fn start_program(program: &str, arguments: &[&OsStr]) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let log = fs::File::create(folder.path().join("log")).map_err(Error::internal)?;
        let mut command = Command::new(PYTHON_PATH);
        command.args(["-c", program]).args(arguments).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().map_err(Error::internal)?;
        let output = process.stdout.take().ok_or_else(|| Error::internal("no standard output"))?;
        let port = BufReader::new(output).lines().next_line().await.map_err(Error::internal)?;
        let port = port.ok_or_else(|| {
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            Error::internal(format!("the package index does not start: {log}"))
        })?;
        Ok(Self { folder, address: format!("127.0.0.1:{port}"), _process: process })
    }

    /// The address of the index, as `ADDRESS:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of the index.
    pub fn index_url(&self) -> String {
        format!("http://{}/simple", self.address)
    }

    /// The URL of the registry of Node.js packages, which passes requests on to this machine's own.
    pub fn npm_url(&self) -> String {
        format!("http://{}/npm/", self.address)
    }

    /// Reads the paths of the requests so far.
    pub fn read_requests(&self) -> Result<String> {
        fs::read_to_string(self.folder.path().join("log")).map_err(Error::internal)
    }
}
