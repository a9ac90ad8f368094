//! A signed repository of Debian packages on the loopback interface, as the owner of packages publishes it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command as BlockingCommand, Stdio},
};

use hearth_base::{Error, Result};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// Folder of the list of packages, below the folder of the suite.
const PACKAGES_FOLDER: &str = "main/binary-amd64";
/// User of the key that signs the repository.
const SIGNER_ADDRESS: &str = "pond@example.org";
/// Line of the server's output before its port.
const PORT_MARK: &str = "port ";

/// A repository with the suite `stable`. It stops when this value is dropped.
pub struct AptRepository {
    folder: TempDir,
    port: u16,
    _server: Child,
}

impl AptRepository {
    /// Starts a repository of packages by name and version. Each installs a file with its version,
    /// `/usr/share/NAME/version`.
    pub async fn start(packages: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        create_key(&folder.path().join("keys"), SIGNER_ADDRESS)?;
        let root = folder.path().join("repository");
        for (name, version) in packages {
            create_package(folder.path(), &root.join("pool"), name, version)?;
        }
        sign_suite(folder.path(), &root)?;
        let mut server = Command::new("/usr/bin/python3");
        server.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]).arg(&root);
        server.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut server = server.spawn().map_err(Error::internal)?;
        let output = server.stdout.take().ok_or_else(|| Error::internal("no standard output"))?;
        let line = BufReader::new(output).lines().next_line().await.map_err(Error::internal)?;
        let line = line.unwrap_or_default();
        let port = line.split_once(PORT_MARK).and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let port = port.ok_or_else(|| Error::internal(format!("the repository does not start: {line}")))?;
        Ok(Self { folder, port, _server: server })
    }

    /// The address of the server, as `ADDRESS:PORT`.
    pub fn format_address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The deb822 file of the repository, by this host name of the loopback interface.
    pub fn render_source(&self, host: &str) -> String {
        format!("Types: deb\nURIs: http://{host}:{}\nSuites: stable\nComponents: main\n", self.port)
    }

    /// Reads the public key that signs the repository, in ASCII armor.
    pub fn read_key(&self) -> Result<String> {
        export_key(&self.folder.path().join("keys"))
    }

    /// Creates another public key, which signs nothing.
    pub fn create_other_key(&self) -> Result<String> {
        let folder = self.folder.path().join("other-keys");
        create_key(&folder, "other@example.org")?;
        export_key(&folder)
    }
}

fn run_program(command: &mut BlockingCommand) -> Result<Vec<u8>> {
    let output = command.stdin(Stdio::null()).output().map_err(Error::internal)?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(Error::internal(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}

/// Builds a command of gpg with its own folder of keys.
fn build_gpg(folder: &Path) -> BlockingCommand {
    let mut command = BlockingCommand::new("gpg");
    command.arg("--homedir").arg(folder).args(["--batch", "--quiet", "--passphrase", ""]);
    command
}

/// Creates a key pair. The agent that gpg starts for it ends with its folder.
fn create_key(folder: &Path, user: &str) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(folder).map_err(Error::internal)?;
    run_program(build_gpg(folder).args(["--quick-generate-key", user, "ed25519", "sign", "0"])).map(drop)
}

fn export_key(folder: &Path) -> Result<String> {
    let key = run_program(build_gpg(folder).args(["--armor", "--export"]))?;
    String::from_utf8(key).map_err(Error::internal)
}

fn create_package(scratch: &Path, pool: &Path, name: &str, version: &str) -> Result<()> {
    let tree = scratch.join(format!("{name}_{version}"));
    let share = tree.join("usr/share").join(name);
    let control = tree.join("DEBIAN");
    for folder in [&share, &control, &pool.to_owned()] {
        fs::create_dir_all(folder).map_err(Error::internal)?;
    }
    fs::write(share.join("version"), version).map_err(Error::internal)?;
    let fields = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Pond <{SIGNER_ADDRESS}>\nDescription: a pond\n"
    );
    fs::write(control.join("control"), fields).map_err(Error::internal)?;
    let mut build = BlockingCommand::new("dpkg-deb");
    build.args(["--root-owner-group", "--build"]).arg(&tree);
    run_program(build.arg(pool.join(format!("{name}_{version}_all.deb")))).map(drop)
}

/// Writes the lists of packages, and the signed file that names their digests.
fn sign_suite(scratch: &Path, root: &Path) -> Result<()> {
    let suite = root.join("dists/stable");
    let list = format!("{PACKAGES_FOLDER}/Packages");
    fs::create_dir_all(suite.join(PACKAGES_FOLDER)).map_err(Error::internal)?;
    let packages = run_program(BlockingCommand::new("dpkg-scanpackages").arg("pool").current_dir(root))?;
    fs::write(suite.join(&list), &packages).map_err(Error::internal)?;
    let date = run_program(
        BlockingCommand::new("date").args(["--utc", "+%a, %d %b %Y %H:%M:%S UTC"]).env("LC_ALL", "C"),
    )?;
    let hash: String = Sha256::digest(&packages).iter().map(|byte| format!("{byte:02x}")).collect();
    let release = format!(
        "Origin: Pond\nSuite: stable\nCodename: stable\nDate: {}\nArchitectures: amd64\nComponents: main\nSHA256:\n \
         {hash} {} {list}\n",
        String::from_utf8_lossy(&date).trim(),
        packages.len()
    );
    let file: PathBuf = suite.join("Release");
    fs::write(&file, release).map_err(Error::internal)?;
    let mut sign = build_gpg(&scratch.join("keys"));
    sign.args(["--clearsign", "--output"]).arg(suite.join("InRelease")).arg(&file);
    run_program(&mut sign).map(drop)
}
