//! Listening, and stopping without dropping anybody.

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use hearth_base::{Error, Result};
use tokio::net::TcpListener;

use crate::tasks::{Stop, Tasks};

/// A socket that is open, with the router that will answer on it.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listening {
    /// Opens `listen`. A port that is taken is an error that says whose.
    pub async fn open(listen: &str, setting: &str) -> Result<Self> {
        let listener = TcpListener::bind(listen).await.map_err(|cause| {
            let what = match cause.kind() {
                std::io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
                std::io::ErrorKind::PermissionDenied => "this user may not listen there".to_owned(),
                _ => cause.to_string(),
            };
            Error::unavailable("listen", format!("{listen} cannot be listened on: {what}"))
                .help(format!("free that port, or choose another one with {setting}"))
                .because(cause)
        })?;
        let address = listener.local_addr().map_err(Error::internal)?;
        Ok(Self { listener, address })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers with `router` until it is time to stop, then ends what is under way.
    pub fn serve(self, tasks: &Tasks, name: &'static str, router: Router) {
        let stop = tasks.stop_sign();
        tasks.start(name, run(self.listener, router, stop));
    }
}

async fn run(listener: TcpListener, router: Router, stop: Stop) {
    use axum::serve::ListenerExt;
    let listener = listener.tap_io(|stream| {
        if let Err(cause) = stream.set_nodelay(true) {
            tracing::debug!(%cause, "a connection keeps its delay");
        }
    });
    let until = stop.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { until.wait().await });
    // Connections that are kept open for nothing would hold the end back.
    let patience = async {
        stop.wait().await;
        tokio::time::sleep(Duration::from_secs(20)).await;
    };
    tokio::select! {
        ended = serving => if let Err(cause) = ended { tracing::error!(%cause, "the listener ended") },
        () = patience => tracing::warn!("some connections were cut at the stop"),
    }
}
