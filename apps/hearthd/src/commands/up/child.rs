//! The process of all services: started as somebody without powers, and started again when it dies.

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

use super::super::serve::READY;
use crate::{cli::Settings, privilege::User};

/// The longest pause before a process that died is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long services may take to end what is under way.
const PATIENCE: Duration = Duration::from_secs(32);

/// See the module.
pub struct Services {
    settings: Settings,
    user: User,
    state: PathBuf,
    child: Option<Child>,
}

impl Services {
    /// Nothing runs yet.
    pub fn new(settings: Settings, user: User, state: &Path) -> Self {
        Self { settings, user, state: state.to_owned(), child: None }
    }

    /// Starts them and waits until they answer; the door's address.
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
            if let Some(ready) = line.strip_prefix(READY) {
                self.child = Some(child);
                return Ok(ready.rsplit(' ').next().unwrap_or_default().to_owned());
            }
        }
        let status = child.wait().await.map_err(Error::internal)?;
        Err(Error::unavailable("services-ended", format!("the services did not start ({status})"))
            .help("see what they said above"))
    }

    /// Starts them again, after growing pauses, whenever they die.
    pub async fn keep(&mut self) {
        let mut pause = Duration::ZERO;
        loop {
            let ended = match &mut self.child {
                Some(child) => {
                    child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string())
                }
                None => "not started".to_owned(),
            };
            self.child = None;
            tracing::error!(ended, pause = ?pause, "the services have ended; they are started again");
            tokio::time::sleep(pause).await;
            pause = match self.start().await {
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::error!(%error, "the services do not start");
                    (pause * 2).clamp(Duration::from_millis(200), LONGEST_PAUSE)
                }
            };
        }
    }

    /// Tells them to stop and waits until they have.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = child.id().and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid
            && let Err(error) = rustix::process::kill_process(pid, rustix::process::Signal::TERM)
        {
            tracing::warn!(%error, "the services could not be told to stop");
        }
        if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
            tracing::warn!("the services did not stop in time");
        }
    }
}
