//! Deployments and revisions of tools: `/components/v1`.
//!
//! A deployment is a row with steps. Each step can be repeated after a crash at any point, acts with a
//! mandate of the user who requested the deployment, which is checked at each call, and keeps the previous
//! containers running until the new ones are ready.

mod app;
mod context;
mod forge;
mod forge_limits;
mod http;
mod rights;
mod settings;
mod spec;
mod store;
mod workers;

#[doc(hidden)]
pub mod fuzzing;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, MountedService, RouteExt, Service,
    config::{DoorSettings, Section},
    queue, require_right, tool_cleanup,
};
use hearth_wire::components::DEPLOY_TOKEN_PARAMETER;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::ComponentsContext,
    rights::{Deploy, NoSignIn, ReadDeploymentEvents, ToolRead, ToolWrite},
};

pub use settings::ComponentsSettings;

/// This service, as `hearthd` mounts it.
pub const COMPONENTS_SERVICE: Service = Service {
    role: Role::Components,
    has_database: true,
    settings: Some(Section::from_settings::<ComponentsSettings>()),
    mount,
};

/// Builds the service.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let cx = ComponentsContext::new(kit)?;
    let [erasing, first] = [(); 2].map(|()| cx.clone());
    let deploying = queue::create_task_worker(&cx.store.queue, workers::deploy::DeployTask(cx.clone()));
    let pushing = queue::create_task_worker(&cx.store.queue, workers::push::PushTask(cx.clone()));
    let reporting =
        queue::create_task_worker(&cx.store.queue, workers::commit_status::CommitStatusTask(cx.clone()));
    let refusing =
        queue::create_task_worker(&cx.store.queue, workers::commit_status::RefusalStatusTask(cx.clone()));
    let sweeping = workers::housekeeping::create_worker(&cx);
    let routes = queue::add_routes(routes(&kit.config.door), kit.role, &cx.store.queue);
    Ok(MountedService::new(kit, Dialect::Data, routes, cx)
        .with_migrations(store::list_migrations)
        .with_preparation(async move { app::link_secrets::reseal_secrets(&first).await })
        .with_worker(deploying)
        .with_worker(pushing)
        .with_worker(reporting)
        .with_worker(refusing)
        .with_worker(sweeping)
        .with_worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erasing.clone();
            async move { app::cleanup::delete_tool_data(&cx, tool).await }
        })?))
}

/// The endpoints with their required rights.
fn routes(door: &DoorSettings) -> OpenApiRouter<ComponentsContext> {
    OpenApiRouter::new()
        .routes(require_right::<ToolRead, _>(routes!(http::deployments::list)))
        .routes(
            require_right::<Deploy, _>(routes!(http::deployments::create))
                .with_deploy_token_parameter(DEPLOY_TOKEN_PARAMETER),
        )
        .routes(require_right::<ToolWrite, _>(routes!(
            http::deploy_tokens::show,
            http::deploy_tokens::create,
            http::deploy_tokens::replace_token,
            http::deploy_tokens::delete
        )))
        .routes(require_right::<ToolWrite, _>(routes!(http::deployments::show_plan)))
        .routes(require_right::<ToolRead, _>(routes!(http::deployments::show_latest)))
        .routes(require_right::<ToolWrite, _>(routes!(http::deployments::cancel_latest)))
        .routes(
            require_right::<ToolRead, _>(routes!(http::deployments::show))
                .with_time_limit(door.timeout + app::watch::MAX_WAIT_SECONDS),
        )
        .routes(require_right::<ToolWrite, _>(routes!(http::deployments::delete)))
        .routes(require_right::<ToolWrite, _>(routes!(http::deployments::cancel)))
        .routes(require_right::<ToolRead, _>(routes!(http::config::show)))
        .routes(
            require_right::<ToolWrite, _>(routes!(http::config::store_config, http::config::delete))
                .with_body_limit(http::config::MAX_CONFIG_REQUEST_BYTES as u64),
        )
        .routes(require_right::<ToolRead, _>(routes!(http::config::generate)))
        .routes(require_right::<NoSignIn, _>(routes!(http::config::show_schema)))
        .routes(require_right::<ToolRead, _>(routes!(http::environments::list)))
        .routes(require_right::<ToolWrite, _>(routes!(http::environments::delete)))
        .routes(require_right::<ToolRead, _>(routes!(http::repository_links::list)))
        .routes(require_right::<ToolWrite, _>(routes!(http::repository_links::create)))
        .routes(require_right::<ToolRead, _>(routes!(http::repository_links::show)))
        .routes(require_right::<ToolWrite, _>(routes!(
            http::repository_links::update,
            http::repository_links::delete
        )))
        .routes(require_right::<ToolWrite, _>(routes!(http::repository_links::rotate_secret)))
        .routes(require_right::<ToolRead, _>(routes!(http::repository_links::list_deliveries)))
        .routes(
            require_right::<NoSignIn, _>(routes!(http::forge_webhooks::receive_webhook))
                .with_body_limit(http::forge_webhooks::MAX_DELIVERY_BYTES as u64),
        )
        .routes(require_right::<ToolRead, _>(routes!(http::revisions::list)))
        .routes(require_right::<ToolRead, _>(routes!(http::revisions::show)))
        .routes(require_right::<ReadDeploymentEvents, _>(routes!(http::internal::read_deployment_events)))
}
