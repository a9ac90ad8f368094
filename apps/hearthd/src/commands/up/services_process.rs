//! The child process of all services: started as an unprivileged user, and restarted when it ends.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use hearth_base::{Error, Result};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::super::serve::READY_PREFIX;
use crate::{cli::SettingsArgs, privilege::HostUser};

/// Maximum delay before a restart.
const MAX_RESTART_DELAY: Duration = Duration::from_secs(5);

/// Maximum duration of the services' graceful shutdown; longer than their own timeout.
const STOP_TIMEOUT: Duration = Duration::from_secs(32);

/// The process of all services; see the module.
pub struct ServicesProcess {
    settings: SettingsArgs,
    user: HostUser,
    state: PathBuf,
    child: Option<Child>,
}

impl ServicesProcess {
    /// Prepares the process without starting it.
    pub fn new(settings: SettingsArgs, user: HostUser, state: &Path) -> Self {
        Self { settings, user, state: state.to_owned(), child: None }
    }

    /// Starts the services and waits until they are ready. Returns the gateway's address.
    pub async fn start(&mut self) -> Result<String> {
        let mut command = Command::new("/proc/self/exe");
        command.as_std_mut().arg0("hearthd");
        command.args(["serve", "--roles", "all", "--user"]).arg(self.user.uid.to_string());
        if let Some(config) = &self.settings.config {
            command.arg("--config").arg(config);
        }
        if let Some(listen) = &self.settings.listen {
            command.arg("--listen").arg(listen);
        }
        command.arg("--state").arg(&self.state);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::internal)?;
        let output = child.stdout.take().ok_or_else(|| Error::internal("no standard output"))?;
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await.map_err(Error::internal)? {
            if let Some(ready) = line.strip_prefix(READY_PREFIX) {
                self.child = Some(child);
                return Ok(ready.rsplit(' ').next().unwrap_or_default().to_owned());
            }
        }
        let status = child.wait().await.map_err(Error::internal)?;
        Err(Error::unavailable("services-ended", format!("the services did not start: {status}"))
            .help("read the error messages of the services above"))
    }

    /// Restarts the services with back-off whenever they end; never returns.
    pub async fn supervise_services(&mut self) {
        let mut pause = Duration::ZERO;
        loop {
            let ended = match &mut self.child {
                Some(child) => {
                    child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string())
                }
                None => "not started".to_owned(),
            };
            self.child = None;
            tracing::error!(ended, pause = ?pause, "services ended; will restart");
            tokio::time::sleep(pause).await;
            pause = match self.start().await {
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::error!(%error, "services failed to start; will retry");
                    (pause * 2).clamp(Duration::from_millis(200), MAX_RESTART_DELAY)
                }
            };
        }
    }

    /// Sends the stop signal and waits for the end of the process.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = child.id().and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid
            && let Err(error) = rustix::process::kill_process(pid, rustix::process::Signal::TERM)
        {
            tracing::warn!(%error, "sending the stop signal to the services failed");
        }
        if tokio::time::timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
            tracing::warn!("services did not stop in time");
        }
    }
}
