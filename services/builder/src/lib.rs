//! Builder: runs builds of images, and serves the outbound HTTP proxy for containers. It has no endpoints
//! except its health.
//!
//! This process parses only a few small files of a source, as data. Fetching repositories, unpacking archives
//! and building images happen in sandboxed runs, which the runtime starts.

mod build_workers;
mod context;
mod pipeline;
mod prepared_images;
mod proxy;
mod runs;
mod settings;

use std::sync::Arc;

use hearth_base::{Result, Role};
use hearth_kit::{Dialect, Kit, MountedService, Service, Worker, config::Section};
use hearth_runtime_api::{Runtime, wire::RuntimeClient};
use utoipa_axum::router::OpenApiRouter;

use crate::context::BuilderContext;

pub use proxy::serve_proxy;

pub use settings::BuilderSettings;

/// The service, as `hearthd` mounts it.
pub const BUILDER_SERVICE: Service = Service {
    role: Role::Builder,
    has_database: false,
    settings: Some(Section::from_settings::<BuilderSettings>()),
    mount,
};

/// Builds the service with the runtime of this machine.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    mount_on(kit, Arc::new(RuntimeClient::new(kit.config.runtime.socket_path())))
}

/// Builds the service with any runtime.
pub fn mount_on(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<MountedService> {
    let cx = BuilderContext::new(kit, runtime)?;
    let outbound = kit.config.outbound.clone();
    let mounted = MountedService::new(kit, Dialect::Data, OpenApiRouter::new(), ());
    let mounted = mounted.with_worker(Worker::new("outbound", move |stop| proxy::run(outbound, stop)));
    let prepared = cx.clone();
    let mounted =
        mounted.with_worker(Worker::new("prepared-images", move |stop| prepared_images::run(prepared, stop)));
    Ok((0..kit.settings::<BuilderSettings>().parallel).fold(mounted, |mounted, _| {
        let cx = cx.clone();
        mounted.with_worker(Worker::new("builds", move |stop| build_workers::run(cx, stop)))
    }))
}
