//! nginx as a plain proxy with keep-alive connections.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
};

use hearth_base::{Error, Result};
use hearth_testkit::wait_until;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{peer::is_installed, proc};

/// nginx in front of one server. It is stopped when this value is dropped.
pub struct Nginx {
    master: Child,
    address: String,
    _folder: TempDir,
}

impl Nginx {
    /// Starts nginx in front of `upstream`; `None` if it is not installed.
    pub async fn start(upstream: SocketAddr) -> Result<Option<Self>> {
        if !is_installed("nginx") {
            return Ok(None);
        }
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(Error::internal)?;
        let address = find_free_address()?;
        let config = folder.path().join("nginx.conf");
        fs::write(&config, render_config(&address, upstream)).map_err(Error::internal)?;
        let master = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&config)
            .args(["-e", "error.log"])
            .stdin(Stdio::null())
            .spawn()
            .map_err(Error::internal)?;
        let nginx = Self { master, address, _folder: folder };
        wait_until("nginx to listen", async || Ok(TcpStream::connect(&nginx.address).await.ok())).await?;
        Ok(Some(nginx))
    }

    /// Address where nginx listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Lists the processes that handle requests.
    pub fn list_workers(&self) -> Vec<u32> {
        proc::list_children(self.master.id())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let master = i32::try_from(self.master.id()).ok().and_then(Pid::from_raw);
        // The master stops its workers.
        let _sent = master.map(|pid| kill_process(pid, Signal::TERM));
        let _ended = self.master.wait();
    }
}

/// Finds an address with a free port.
fn find_free_address() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(Error::internal)?;
    listener.local_addr().map(|address| address.to_string()).map_err(Error::internal)
}

/// Renders the configuration. It writes an access log, which is nginx's default and what Hearth does too.
fn render_config(address: &str, upstream: SocketAddr) -> String {
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
        listen {address};
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
