//! A mail server on the loopback: Debian's `python3-aiosmtpd`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use hearth_base::{Error, Result};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const PROGRAM: &str = include_str!("mail_server.py");
/// The Python that Debian's packages are for, whatever else is on the search path.
const PYTHON: &str = "/usr/bin/python3";
/// What openssl makes the server's certificate of: for `localhost`, and good for nothing else.
const CERTIFICATE: &str = "[req]\ndistinguished_name = name\nx509_extensions = more\nprompt = no\n\
     [name]\nCN = localhost\n[more]\nsubjectAltName = DNS:localhost\nbasicConstraints = critical,CA:FALSE\n";

/// A mail server. It ends with this value.
pub struct MailServer {
    folder: TempDir,
    port: u16,
    secured: bool,
    _process: Child,
}

impl MailServer {
    /// Starts a server on an open line, where nobody signs in.
    pub async fn start() -> Result<Self> {
        Self::with(false).await
    }

    /// Starts a server that wants STARTTLS, and `hearth` to sign in.
    pub async fn secured() -> Result<Self> {
        Self::with(true).await
    }

    async fn with(secured: bool) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        // Services under `hearthd up` are another user's, and read the password and the certificate.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(Error::internal)?;
        let path = |name: &str| folder.path().join(name);
        fs::write(path("server.py"), PROGRAM).map_err(Error::internal)?;
        fs::create_dir(path("mails")).map_err(Error::internal)?;
        let mut command = Command::new(PYTHON);
        command.arg(path("server.py")).arg(path("mails"));
        if secured {
            fs::write(path("password"), "s3cret\n").map_err(Error::internal)?;
            certify(folder.path())?;
            command.arg(path("certificate.pem")).arg(path("key.pem"));
        }
        let log = fs::File::create(path("log")).map_err(Error::internal)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut process = command.spawn().map_err(Error::internal)?;
        let output = process.stdout.take().ok_or_else(|| Error::internal("no standard output"))?;
        let line = BufReader::new(output).lines().next_line().await.map_err(Error::internal)?;
        let port = line.and_then(|line| line.parse().ok()).ok_or_else(|| {
            let log = fs::read_to_string(path("log")).unwrap_or_default();
            Error::internal(format!("no mail server (Debian's python3-aiosmtpd): {log}"))
        })?;
        Ok(Self { folder, port, secured, _process: process })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lines of configuration by which Hearth sends by it.
    pub fn configuration(&self) -> String {
        let (port, tls) = (self.port, if self.secured { "starttls" } else { "none" });
        let mut lines = format!("[notify.smtp]\nhost = \"localhost\"\nport = {port}\ntls = \"{tls}\"\n");
        if self.secured {
            let path = |name: &str| self.path(name).display().to_string();
            let (password, certificate) = (path("password"), path("certificate.pem"));
            lines.push_str(&format!(
                "user = \"hearth\"\npassword_file = \"{password}\"\nca_file = \"{certificate}\"\n"
            ));
        }
        lines
    }

    /// From now on mail is answered with this line; with none, it is taken.
    pub fn refuse(&self, line: Option<&str>) -> Result<()> {
        let path = self.path("mails").join("refuse");
        match line {
            Some(line) => fs::write(path, line).map_err(Error::internal),
            None => fs::remove_file(path).map_err(Error::internal),
        }
    }

    /// The mails that it has taken, in the order in which they came, each with `X-To`, `X-From` and `X-Tls` before its
    /// own headers.
    pub fn mails(&self) -> Result<Vec<String>> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.path("mails"))
            .map_err(Error::internal)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .collect();
        paths.sort();
        paths.iter().map(|path| fs::read_to_string(path).map_err(Error::internal)).collect()
    }

    /// The file with the password by which Hearth signs in at a secured server.
    pub fn password_file(&self) -> PathBuf {
        self.path("password")
    }
}

fn certify(folder: &Path) -> Result<()> {
    fs::write(folder.join("certificate.conf"), CERTIFICATE).map_err(Error::internal)?;
    let mut make = std::process::Command::new("openssl");
    make.current_dir(folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"])
        .args(["-days", "2", "-config", "certificate.conf", "-keyout", "key.pem", "-out", "certificate.pem"]);
    let made = make.output().map_err(Error::internal)?;
    match made.status.success() {
        true => Ok(()),
        false => Err(Error::internal(String::from_utf8_lossy(&made.stderr).into_owned())),
    }
}
