//! Build service: `/builds/v1`.
//!
//! It queues builds, resolves their sources and records their outcome. It does not run builds: a builder
//! (`services/builder`) leases and runs them. Of a source's content it only stores uploaded archives.

mod app;
mod context;
#[doc(hidden)]
pub mod fuzzing;
mod git;
mod http;
mod ref_permits;
mod rights;
mod settings;
mod signing;
mod store;
mod upload_reservations;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, MountedService, RouteExt, Service,
    config::{DoorSettings, Section},
    queue, require_right, tool_cleanup,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::BuildsContext,
    rights::{BuildsRead, BuildsWrite, LeaseBuilds, OperateBuilders, ReadProvenanceKeys},
};

pub use settings::BuildsSettings;

/// The service, as `hearthd` mounts it.
pub const BUILDS_SERVICE: Service = Service {
    role: Role::Builds,
    has_database: true,
    settings: Some(Section::from_settings::<BuildsSettings>()),
    mount,
};

/// Builds the service's routes, workers and migrations.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let cx = BuildsContext::new(kit)?;
    let (erase, store) = (cx.clone(), cx.store.clone());
    let limits = queue::create_task_worker(&store.queue, workers::time_limits::EndBuilds(cx.clone()));
    let unpins = queue::create_task_worker(&store.queue, workers::unpin::UnpinImages(cx.clone()));
    let attaches = queue::create_task_worker(&store.queue, workers::provenance::AttachProvenance(cx.clone()));
    let signing_keys = cx.signing_keys.clone();
    let sweeps = workers::housekeeping::create_worker(&cx);
    let erase = move |tool| {
        let cx = erase.clone();
        async move { app::cleanup::erase_tool_builds(&cx, tool).await }
    };
    let routes = queue::add_routes(routes(&kit.settings(), &kit.config.door), kit.role, &store.queue);
    Ok(MountedService::new(kit, Dialect::Named, routes, cx)
        .with_migrations(store::list_migrations)
        .with_worker(tool_cleanup::create_worker(kit, erase)?)
        .with_worker(limits)
        .with_worker(unpins)
        .with_worker(attaches)
        .with_worker(sweeps)
        .with_preparation(async move { signing_keys.load_keys() }))
}

/// Builds all endpoints with their access rights.
fn routes(settings: &BuildsSettings, door: &DoorSettings) -> OpenApiRouter<BuildsContext> {
    OpenApiRouter::new()
        .routes(require_right::<BuildsRead, _>(routes!(http::builds::list)))
        .routes(require_right::<BuildsWrite, _>(routes!(http::builds::start)))
        .routes(require_right::<BuildsRead, _>(routes!(http::builds::show_latest)))
        .routes(
            require_right::<BuildsRead, _>(routes!(http::builds::show))
                .with_time_limit(door.timeout + http::builds::MAX_WAIT_SECONDS),
        )
        .routes(require_right::<BuildsWrite, _>(routes!(http::builds::delete)))
        .routes(require_right::<BuildsWrite, _>(routes!(http::builds::cancel)))
        .routes(require_right::<BuildsRead, _>(routes!(http::logs::show)))
        .routes(require_right::<BuildsWrite, _>(routes!(http::builds::delete_ended_builds)))
        .routes(require_right::<BuildsRead, _>(routes!(http::quotas::show)))
        .routes(require_right::<ReadProvenanceKeys, _>(routes!(http::provenance::list_keys)))
        .routes(
            require_right::<BuildsWrite, _>(routes!(
                http::sources::upload_source,
                http::sources::upload_source_by_put
            ))
            .with_body_limit(settings.upload_limit)
            .with_streaming(),
        )
        .routes(require_right::<OperateBuilders, _>(routes!(http::builders::list)))
        .routes(require_right::<OperateBuilders, _>(routes!(http::builders::suspend_builder)))
        .routes(require_right::<OperateBuilders, _>(routes!(http::builders::return_builder)))
        .routes(require_right::<LeaseBuilds, _>(routes!(http::internal::claim_build)))
        .routes(require_right::<LeaseBuilds, _>(routes!(http::internal::heartbeat)))
        .routes(require_right::<LeaseBuilds, _>(routes!(http::internal::finish_lease)))
        .routes(require_right::<LeaseBuilds, _>(routes!(http::internal::download_source)))
}
