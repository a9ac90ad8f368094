//! Jobs of tools, and their runs: `/jobs/v1`.
//!
//! This service stores what is to run and the outcomes; a runtime behind a Unix socket runs it. It never starts a
//! container itself, and knows neither the host nor other tools' secrets.

mod app;
mod cx;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod neighbours;
mod rights;
mod settings;
mod store;
mod workers;

use std::sync::Arc;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, Mounted, RouteExt, Service, Worker,
    config::{Door, Section},
    guard, queue, tool_cleanup,
};
use hearth_runtime_api::{Runtime, wire::Socket};
use hearth_wire::jobs::Wait;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    cx::Cx,
    rights::{ForEnvvars, JobsRead, JobsWrite, ReadRoutes, ReadRunEvents},
};

pub use settings::JobsSettings;

/// This service, as `hearthd` mounts it.
pub const JOBS_SERVICE: Service =
    Service { role: Role::Jobs, database: true, settings: Some(Section::of::<JobsSettings>()), mount };

/// Puts the service together, with the runtime of this machine.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    mount_on(kit, Arc::new(Socket::at(kit.config.runtime.socket())))
}

/// Puts the service together with any runtime.
pub fn mount_on(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Mounted> {
    let cx = Cx::new(kit, runtime)?;
    let [observing, scheduling, logging, following, erasing] = [(); 5].map(|()| cx.clone());
    let tasks = [
        queue::worker(&cx.store.queue, workers::reconcile::ReconcileWorkloads(cx.clone())),
        queue::worker(&cx.store.queue, workers::unpin::UnpinImages(cx.clone())),
        queue::worker(&cx.store.queue, workers::housekeeping::FetchQuotas(cx.clone())),
        workers::housekeeping::create_worker(&cx),
        workers::metrics::create_worker(&cx),
    ];
    let routes = queue::add_routes(routes(&kit.config.door), kit.role, &cx.store.queue);
    let mounted = Mounted::new(kit, Dialect::Named, routes, cx);
    Ok(tasks
        .into_iter()
        .fold(mounted, Mounted::worker)
        .migrations(store::migrations)
        .worker(Worker::new("observe", |stop| workers::observe::run(observing, stop)))
        .worker(Worker::new("schedule", |stop| workers::schedule::run(scheduling, stop)))
        .worker(Worker::new("logs", |stop| workers::logs::run(logging, stop)))
        .worker(workers::images::create_worker(kit, following)?)
        .worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erasing.clone();
            async move { app::jobs::erase::erase(&cx, tool).await }
        })?))
}

/// Every endpoint, with who may use it.
fn routes(door: &Door) -> OpenApiRouter<Cx> {
    let wait_time_limit = door.timeout + u64::from(Wait::MOST.seconds());
    OpenApiRouter::new()
        .routes(guard::<JobsRead, _>(routes!(http::jobs::list)))
        .routes(guard::<JobsWrite, _>(routes!(http::jobs::create, http::jobs::update, http::jobs::flush)))
        .routes(guard::<JobsRead, _>(routes!(http::job::show)))
        .routes(guard::<JobsWrite, _>(routes!(http::job::delete)))
        .routes(guard::<JobsWrite, _>(routes!(http::job::restart)))
        .routes(guard::<JobsWrite, _>(routes!(http::job::stop)))
        .routes(guard::<JobsWrite, _>(routes!(http::job::pause)))
        .routes(guard::<JobsWrite, _>(routes!(http::job::resume)))
        .routes(guard::<JobsWrite, _>(routes!(http::job::scale)))
        .routes(guard::<JobsRead, _>(routes!(http::logs::read)))
        .routes(guard::<JobsRead, _>(routes!(http::runs::list)))
        .routes(guard::<JobsWrite, _>(routes!(http::runs::begin)))
        .routes(guard::<JobsRead, _>(routes!(http::runs::show)).time_limit(wait_time_limit))
        .routes(guard::<JobsWrite, _>(routes!(http::runs::stop)))
        .routes(guard::<JobsRead, _>(routes!(http::schedule::history)))
        .routes(guard::<JobsRead, _>(routes!(http::schedule::preview)))
        .routes(guard::<JobsRead, _>(routes!(http::metrics::of_job)))
        .routes(guard::<JobsRead, _>(routes!(http::metrics::of_tool)))
        .routes(guard::<JobsRead, _>(routes!(http::metrics::for_collectors)))
        .routes(guard::<JobsWrite, _>(routes!(http::exec::open)).time_limit(wait_time_limit))
        .routes(guard::<JobsRead, _>(routes!(http::images::list)))
        .routes(guard::<JobsRead, _>(routes!(http::quotas::show)))
        .routes(guard::<ReadRoutes, _>(routes!(http::internal::routes)))
        .routes(guard::<ReadRoutes, _>(routes!(http::internal::route_events)))
        .routes(guard::<ForEnvvars, _>(routes!(http::internal::sealing_key)))
        .routes(guard::<ForEnvvars, _>(routes!(http::internal::with_envvars)))
        .routes(guard::<ReadRunEvents, _>(routes!(http::internal::run_events)))
}
