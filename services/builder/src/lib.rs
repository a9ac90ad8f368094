//! Makes images, and is the way out for containers. It serves nothing but its health.
//!
//! This process parses nothing of a source but a few small files, which it reads as data: repositories are fetched,
//! archives unpacked and images made in sandboxed runs, which the runtime starts.

mod cx;
mod lanes;
mod make;
mod proxy;
mod runs;

use std::sync::Arc;

use hearth_base::Result;
use hearth_kit::{Dialect, Kit, Mounted, Worker};
use hearth_runtime_api::{Runtime, wire::Socket};
use utoipa_axum::router::OpenApiRouter;

use crate::cx::Cx;

pub use proxy::serve as serve_proxy;

/// Puts the role together, with the runtime of this machine.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let socket = format!("/run/hearth-{}/socket", kit.config.runtime.instance);
    mount_on(kit, Arc::new(Socket::at(socket)))
}

/// Puts the role together with any runtime.
pub fn mount_on(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Mounted> {
    let cx = Cx::new(kit, runtime)?;
    let outbound = kit.config.outbound.clone();
    let mounted = Mounted::new(kit, Dialect::Data, OpenApiRouter::new(), ());
    let mounted = mounted.worker(Worker::new("outbound", move |stop| proxy::run(outbound, stop)));
    Ok((0..kit.config.builder.parallel).fold(mounted, |mounted, _| {
        let cx = cx.clone();
        mounted.worker(Worker::new("builds", move |stop| lanes::run(cx, stop)))
    }))
}
