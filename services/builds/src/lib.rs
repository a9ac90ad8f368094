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
    Dialect, Kit, MountedService, RouteExt, Service, audit,
    config::{DoorSettings, Section},
    queue, require_right, tool_cleanup,
};
use hearth_wire::builds::MAX_SBOM_BYTES;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::time_limit::{OUTSIDE_TIME_LIMIT_TASK, TIME_LIMIT_TASK},
    context::BuildsContext,
    rights::{
        BuildsRead, BuildsWrite, CheckPackageSources, GrantPackageSources, LeaseBuilds, OperateBuilders,
        OperatePackageSources, ReadBuildEvents, ReadProvenanceKeys, ReportBuilds,
    },
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
    let create_limits = |task| {
        queue::create_task_worker(&store.queue, workers::time_limits::EndBuilds { cx: cx.clone(), task })
    };
    let (limits, outside_limits) = (create_limits(TIME_LIMIT_TASK), create_limits(OUTSIDE_TIME_LIMIT_TASK));
    let unpins = queue::create_task_worker(&store.queue, workers::unpin::UnpinImages(cx.clone()));
    let attaches = queue::create_task_worker(&store.queue, workers::provenance::AttachProvenance(cx.clone()));
    let accepted_requests = workers::accepted_requests::create_worker(kit, &cx)?;
    let announces = queue::create_task_worker(&store.queue, workers::announce::AnnounceBuilds(cx.clone()));
    let notices =
        queue::create_task_worker(&store.queue, workers::builder_notices::SendBuilderNotices(cx.clone()));
    let revokes =
        queue::create_task_worker(&store.queue, workers::credentials::RevokeCredentials(cx.clone()));
    let removals = queue::create_task_worker(
        &store.queue,
        workers::removed_builders::EndBuildsOfRemovedBuilders(cx.clone()),
    );
    let audits = audit::create_worker(&store.queue, &cx.clients);
    let starting = cx.clone();
    let sweeps = workers::housekeeping::create_worker(&cx);
    let erase = move |tool| {
        let cx = erase.clone();
        async move { app::cleanup::erase_tool_builds(&cx, tool).await }
    };
    let routes = queue::add_routes(routes(&kit.settings(), &kit.config.door), kit.role, &store.queue);
    Ok(MountedService::new(kit, Dialect::Named, routes, cx)
        .with_migrations(store::list_migrations)
        .with_worker(tool_cleanup::create_worker(kit, erase)?)
        .with_worker(accepted_requests)
        .with_worker(limits)
        .with_worker(outside_limits)
        .with_worker(unpins)
        .with_worker(attaches)
        .with_worker(announces)
        .with_worker(revokes)
        .with_worker(notices)
        .with_worker(removals)
        .with_worker(audits)
        .with_worker(sweeps)
        .with_preparation(async move {
            starting.signing_keys.load_keys()?;
            app::outside::secrets::reseal_secrets(&starting).await?;
            app::source_credentials::reseal_secrets(&starting).await
        }))
}

/// Largest request with an SBOM, in bytes: its quotation marks are escaped.
const MAX_SBOM_REQUEST_BYTES: u64 = 3 * MAX_SBOM_BYTES as u64;

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
        .routes(require_right::<BuildsWrite, _>(routes!(http::builds::reproduce_build)))
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
        .routes(require_right::<OperatePackageSources, _>(routes!(http::package_sources::list)))
        .routes(require_right::<OperatePackageSources, _>(routes!(
            http::package_sources::show,
            http::package_sources::put_source,
            http::package_sources::remove_source
        )))
        .routes(require_right::<BuildsRead, _>(routes!(http::package_sources::list_for_tool)))
        .routes(require_right::<GrantPackageSources, _>(routes!(
            http::package_sources::grant_source,
            http::package_sources::revoke_source
        )))
        .routes(require_right::<CheckPackageSources, _>(routes!(http::package_sources::check_source)))
        .routes(
            require_right::<LeaseBuilds, _>(routes!(http::sbom::store_sbom))
                .with_body_limit(MAX_SBOM_REQUEST_BYTES),
        )
        .routes(require_right::<BuildsRead, _>(routes!(http::outside_builders::list)))
        .routes(require_right::<BuildsWrite, _>(routes!(http::outside_builders::create)))
        .routes(require_right::<BuildsWrite, _>(routes!(http::outside_builders::delete)))
        .routes(require_right::<BuildsWrite, _>(routes!(http::outside_builders::choose_builder)))
        .routes(require_right::<BuildsRead, _>(routes!(http::source_credentials::list)))
        .routes(require_right::<BuildsWrite, _>(routes!(http::source_credentials::put_credential)))
        .routes(require_right::<BuildsWrite, _>(routes!(http::source_credentials::delete)))
        .routes(require_right::<OperateBuilders, _>(routes!(http::outside_builders::list_shared)))
        .routes(require_right::<OperateBuilders, _>(routes!(http::outside_builders::create_shared)))
        .routes(require_right::<OperateBuilders, _>(routes!(http::outside_builders::delete_shared)))
        .routes(
            require_right::<ReportBuilds, _>(routes!(http::reports::heartbeat))
                .with_time_limit(door.timeout + http::reports::MAX_HEARTBEAT_WAIT_SECONDS),
        )
        .routes(
            require_right::<ReportBuilds, _>(routes!(http::reports::send_log_lines))
                .with_body_limit(http::reports::MAX_LOG_REPORT_BYTES),
        )
        .routes(require_right::<ReportBuilds, _>(routes!(http::reports::finish_build)))
        .routes(require_right::<ReportBuilds, _>(routes!(http::reports::download_source)).with_streaming())
        .routes(require_right::<LeaseBuilds, _>(routes!(http::internal::create_registry_token)))
        .routes(require_right::<LeaseBuilds, _>(routes!(http::internal::claim_build)))
        .routes(require_right::<LeaseBuilds, _>(routes!(http::internal::heartbeat)))
        .routes(require_right::<LeaseBuilds, _>(routes!(http::internal::finish_lease)))
        .routes(require_right::<LeaseBuilds, _>(routes!(http::internal::download_source)))
        .routes(require_right::<ReadBuildEvents, _>(routes!(http::internal::read_build_events)))
}
