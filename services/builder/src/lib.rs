//! Makes images, and is the way out for containers. It serves nothing but its health.
//!
//! This process parses nothing of a source but a few small files, which it reads as data: repositories are fetched,
//! archives unpacked and images made in sandboxed runs, which the runtime starts.

mod cx;
mod lanes;
mod make;
mod proxy;
mod runs;
mod settings;

use std::sync::Arc;

use hearth_base::{Result, Role};
use hearth_kit::{Dialect, Kit, Mounted, Service, Worker, config::Section};
use hearth_runtime_api::{Runtime, wire::Socket};
use utoipa_axum::router::OpenApiRouter;

use crate::cx::Cx;

pub use proxy::serve as serve_proxy;

pub use settings::BuilderSettings;

/// This service, as `hearthd` mounts it.
pub const BUILDER_SERVICE: Service =
    Service { role: Role::Builder, database: false, settings: Some(Section::of::<BuilderSettings>()), mount };

/// Puts the role together, with the runtime of this machine.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    mount_on(kit, Arc::new(Socket::at(kit.config.runtime.socket())))
}

/// Puts the role together with any runtime.
pub fn mount_on(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Mounted> {
    let cx = Cx::new(kit, runtime)?;
    let outbound = kit.config.outbound.clone();
    let mounted = Mounted::new(kit, Dialect::Data, OpenApiRouter::new(), ());
    let mounted = mounted.worker(Worker::new("outbound", move |stop| proxy::run(outbound, stop)));
    Ok((0..kit.settings::<BuilderSettings>().parallel).fold(mounted, |mounted, _| {
        let cx = cx.clone();
        mounted.worker(Worker::new("builds", move |stop| lanes::run(cx, stop)))
    }))
}
