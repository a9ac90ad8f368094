//! Jobs of tools, and their runs: `/jobs/v1`.
//!
//! This service stores jobs, their runs and outcomes. A runtime behind a Unix socket runs the containers: the
//! service itself starts none, and has access neither to the host nor to the secrets of tools.

mod app;
mod context;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod peers;
mod rights;
mod settings;
mod store;
mod workers;

use std::sync::Arc;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, MountedService, RouteExt, Service, Worker,
    config::{DoorSettings, Section},
    queue, require_right, tool_cleanup,
};
use hearth_runtime_api::{Runtime, wire::RuntimeClient};
use hearth_wire::jobs::WaitSeconds;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::JobsContext,
    rights::{
        JobsRead, JobsWrite, ReadDefinitions, ReadForEnvvars, ReadRoutes, ReadRunEvents, ReportPages,
        RestoreJobs,
    },
};

pub use settings::JobsSettings;

/// The definition of this service, which `hearthd` mounts.
pub const JOBS_SERVICE: Service = Service {
    role: Role::Jobs,
    has_database: true,
    settings: Some(Section::from_settings::<JobsSettings>()),
    mount,
};

/// Mounts the service with the runtime of this machine.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    mount_on(kit, Arc::new(RuntimeClient::new(kit.config.runtime.socket_path())))
}

/// Mounts the service with any runtime.
pub fn mount_on(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<MountedService> {
    let cx = JobsContext::new(kit, runtime)?;
    let [observing, scheduling, logging, following, erasing] = [(); 5].map(|()| cx.clone());
    let tasks = [
        queue::create_task_worker(&cx.store.queue, workers::reconcile::ReconcileWorkloads(cx.clone())),
        queue::create_task_worker(&cx.store.queue, workers::unpin::UnpinImages(cx.clone())),
        queue::create_task_worker(&cx.store.queue, workers::housekeeping::FetchQuotas(cx.clone())),
        workers::housekeeping::create_worker(&cx),
        workers::metrics::create_worker(&cx),
        workers::credentials::create_worker(&cx),
        workers::previews::create_worker(&cx),
    ];
    let routes = queue::add_routes(routes(&kit.config.door), kit.role, &cx.store.queue);
    let mounted = MountedService::new(kit, Dialect::Named, routes, cx);
    Ok(tasks
        .into_iter()
        .fold(mounted, MountedService::with_worker)
        .with_migrations(store::list_migrations)
        .with_worker(Worker::new("observe", |stop| workers::observe::run(observing, stop)))
        .with_worker(Worker::new("schedule", |stop| workers::schedule::run(scheduling, stop)))
        .with_worker(Worker::new("logs", |stop| workers::logs::run(logging, stop)))
        .with_worker(workers::images::create_worker(kit, following)?)
        .with_worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erasing.clone();
            async move { app::jobs::erase::erase_tool(&cx, tool).await }
        })?))
}

/// All endpoints with their rights.
fn routes(door: &DoorSettings) -> OpenApiRouter<JobsContext> {
    let wait_time_limit = door.timeout + u64::from(WaitSeconds::MAX_WAIT.as_seconds());
    OpenApiRouter::new()
        .routes(require_right::<JobsRead, _>(routes!(http::jobs::list)))
        .routes(require_right::<JobsWrite, _>(routes!(
            http::jobs::create,
            http::jobs::update,
            http::jobs::flush
        )))
        .routes(require_right::<JobsRead, _>(routes!(http::job::show)))
        .routes(require_right::<JobsWrite, _>(routes!(http::job::delete)))
        .routes(require_right::<JobsWrite, _>(routes!(http::job::restart)))
        .routes(require_right::<JobsWrite, _>(routes!(http::job::stop)))
        .routes(require_right::<JobsWrite, _>(routes!(http::job::pause)))
        .routes(require_right::<JobsWrite, _>(routes!(http::job::resume)))
        .routes(require_right::<JobsWrite, _>(routes!(http::job::set_replicas)))
        .routes(require_right::<JobsRead, _>(routes!(http::logs::stream_job_log)))
        .routes(require_right::<JobsRead, _>(routes!(http::runs::list)))
        .routes(require_right::<JobsWrite, _>(routes!(http::runs::begin)))
        .routes(require_right::<JobsRead, _>(routes!(http::runs::show)).with_time_limit(wait_time_limit))
        .routes(require_right::<JobsWrite, _>(routes!(http::runs::stop)))
        .routes(require_right::<JobsRead, _>(routes!(http::schedule::show_history)))
        .routes(require_right::<JobsRead, _>(routes!(http::schedule::preview_schedule)))
        .routes(require_right::<JobsRead, _>(routes!(http::metrics::show_job_metrics)))
        .routes(require_right::<JobsRead, _>(routes!(http::metrics::show_tool_metrics)))
        .routes(require_right::<JobsRead, _>(routes!(http::metrics::show_open_metrics)))
        .routes(
            require_right::<JobsWrite, _>(routes!(http::exec::open_exec_connection))
                .with_time_limit(wait_time_limit),
        )
        .routes(require_right::<JobsRead, _>(routes!(http::images::list)))
        .routes(require_right::<JobsRead, _>(routes!(http::quotas::show)))
        .routes(require_right::<ReadRoutes, _>(routes!(http::internal::list_routes)))
        .routes(require_right::<ReadRoutes, _>(routes!(http::internal::list_environment_routes)))
        .routes(require_right::<ReadRoutes, _>(routes!(http::internal::route_events)))
        .routes(require_right::<ReportPages, _>(routes!(http::page_sleep::report_page_activity)))
        .routes(require_right::<ReportPages, _>(routes!(http::page_sleep::wake_page)))
        .routes(require_right::<ReadForEnvvars, _>(routes!(http::internal::show_sealing_key)))
        .routes(require_right::<ReadForEnvvars, _>(routes!(http::internal::list_outdated_jobs)))
        .routes(require_right::<RestoreJobs, _>(routes!(http::internal::restore_job)))
        .routes(require_right::<ReadDefinitions, _>(routes!(http::internal::list_definitions)))
        .routes(require_right::<ReadRunEvents, _>(routes!(http::internal::run_events)))
}
