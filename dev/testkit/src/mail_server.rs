//! A mail server on the loopback interface: Debian's `python3-aiosmtpd`.

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

const SERVER_PROGRAM: &str = include_str!("mail_server.py");
/// Debian's own Python, which finds Debian's packages even if another Python comes first on the search path.
const PYTHON_PATH: &str = "/usr/bin/python3";
/// The openssl request for the server's certificate, valid for `localhost` only.
const CERTIFICATE_REQUEST: &str = "[req]\ndistinguished_name = name\nx509_extensions = more\nprompt = no\n\
     [name]\nCN = localhost\n[more]\nsubjectAltName = DNS:localhost\nbasicConstraints = critical,CA:FALSE\n";

/// A mail server. It stops when this value is dropped.
pub struct MailServer {
    folder: TempDir,
    port: u16,
    requires_tls: bool,
    _process: Child,
}

impl MailServer {
    /// Starts a server without TLS and without authentication.
    pub async fn start() -> Result<Self> {
        Self::start_server(false).await
    }

    /// Starts a server that requires STARTTLS and the user `hearth` with a password.
    pub async fn start_with_tls() -> Result<Self> {
        Self::start_server(true).await
    }

    async fn start_server(requires_tls: bool) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        // Services under `hearthd up` run as another user, and read the password and the certificate.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(Error::internal)?;
        let path = |name: &str| folder.path().join(name);
        fs::write(path("server.py"), SERVER_PROGRAM).map_err(Error::internal)?;
        fs::create_dir(path("mails")).map_err(Error::internal)?;
        let mut command = Command::new(PYTHON_PATH);
        command.arg(path("server.py")).arg(path("mails"));
        if requires_tls {
            fs::write(path("password"), "s3cret\n").map_err(Error::internal)?;
            create_certificate(folder.path())?;
            command.arg(path("certificate.pem")).arg(path("key.pem"));
        }
        let log = fs::File::create(path("log")).map_err(Error::internal)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut process = command.spawn().map_err(Error::internal)?;
        let output = process.stdout.take().ok_or_else(|| Error::internal("no standard output"))?;
        let line = BufReader::new(output).lines().next_line().await.map_err(Error::internal)?;
        let port = line.and_then(|line| line.parse().ok()).ok_or_else(|| {
            let log = fs::read_to_string(path("log")).unwrap_or_default();
            Error::internal(format!("mail server does not start (Debian's package python3-aiosmtpd): {log}"))
        })?;
        Ok(Self { folder, port, requires_tls, _process: process })
    }

    fn file_path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration of Hearth that sends mail through this server.
    pub fn build_configuration(&self) -> String {
        let (port, tls) = (self.port, if self.requires_tls { "starttls" } else { "none" });
        let mut lines = format!("[notify.smtp]\nhost = \"localhost\"\nport = {port}\ntls = \"{tls}\"\n");
        if self.requires_tls {
            let path = |name: &str| self.file_path(name).display().to_string();
            let (password, certificate) = (path("password"), path("certificate.pem"));
            lines.push_str(&format!(
                "user = \"hearth\"\npassword_file = \"{password}\"\nca_file = \"{certificate}\"\n"
            ));
        }
        lines
    }

    /// Sets the reply that refuses later mails; with `None`, later mails are accepted.
    pub fn set_refusal(&self, line: Option<&str>) -> Result<()> {
        let path = self.file_path("mails").join("refuse");
        match line {
            Some(line) => fs::write(path, line).map_err(Error::internal),
            None => fs::remove_file(path).map_err(Error::internal),
        }
    }

    /// Reads the accepted mails in the order of arrival, each with `X-To`, `X-From` and `X-Tls` before its
    /// own headers.
    pub fn read_mails(&self) -> Result<Vec<String>> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.file_path("mails"))
            .map_err(Error::internal)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .collect();
        paths.sort();
        paths.iter().map(|path| fs::read_to_string(path).map_err(Error::internal)).collect()
    }

    /// The file with the password of the user `hearth`, if the server requires TLS.
    pub fn password_file(&self) -> PathBuf {
        self.file_path("password")
    }
}

fn create_certificate(folder: &Path) -> Result<()> {
    fs::write(folder.join("certificate.conf"), CERTIFICATE_REQUEST).map_err(Error::internal)?;
    let mut make = std::process::Command::new("openssl");
    make.current_dir(folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"])
        .args(["-days", "2", "-config", "certificate.conf", "-keyout", "key.pem", "-out", "certificate.pem"]);
    let output = make.output().map_err(Error::internal)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::internal(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}
