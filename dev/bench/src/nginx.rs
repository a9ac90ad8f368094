//! nginx as a plain proxy that keeps its connections.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
};

use hearth_base::{Error, Result};
use hearth_testkit::until;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{peer::installed, proc};

/// nginx before one server. It ends with this value.
pub struct Nginx {
    master: Child,
    place: String,
    _folder: TempDir,
}

impl Nginx {
    /// Starts it before `upstream`; none when it is not installed.
    pub async fn start(upstream: SocketAddr) -> Result<Option<Self>> {
        if !installed("nginx") {
            return Ok(None);
        }
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(Error::internal)?;
        let place = free_place()?;
        let config = folder.path().join("nginx.conf");
        fs::write(&config, text(&place, upstream)).map_err(Error::internal)?;
        let master = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&config)
            .args(["-e", "error.log"])
            .stdin(Stdio::null())
            .spawn()
            .map_err(Error::internal)?;
        let nginx = Self { master, place, _folder: folder };
        until("nginx to listen", async || Ok(TcpStream::connect(&nginx.place).await.ok())).await?;
        Ok(Some(nginx))
    }

    /// Where it listens.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The processes that handle requests.
    pub fn workers(&self) -> Vec<u32> {
        proc::children(self.master.id())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let master = i32::try_from(self.master.id()).ok().and_then(Pid::from_raw);
        // It takes its workers with it.
        let _told = master.map(|pid| kill_process(pid, Signal::TERM));
        let _ended = self.master.wait();
    }
}

/// A port that nobody had a moment ago.
fn free_place() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(Error::internal)?;
    listener.local_addr().map(|place| place.to_string()).map_err(Error::internal)
}

/// A line in a log for each request, as nginx does unless told otherwise and as Hearth does.
fn text(place: &str, upstream: SocketAddr) -> String {
    format!(
        "daemon off;
worker_processes auto;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 1024; }}
http {{
    access_log access.log combined;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 1000000;
    upstream behind {{ server {upstream}; keepalive 64; keepalive_requests 1000000; }}
    server {{
        listen {place};
        location / {{
            proxy_pass http://behind;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }}
    }}
}}
"
    )
}
