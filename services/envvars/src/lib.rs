//! Environment variables of a tool's runs, or of the runs of one job: `/envvars/v1`.
//!
//! Values are stored encrypted and never logged; secrets are sealed, so that this service cannot open them.
//! `app` has the rules; the kit's `vault` manages this service's keys.

mod app;
mod context;
mod envvar_key;
mod http;
mod rights;
mod store;

use hearth_base::{Result, Role};
use hearth_kit::{Dialect, Kit, MountedService, Service, require_right, tool_cleanup};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::EnvvarsContext,
    rights::{EnvvarsForRuns, EnvvarsRead, EnvvarsWrite},
};

/// This service, as `hearthd` mounts it.
pub const ENVVARS_SERVICE: Service =
    Service { role: Role::Envvars, has_database: true, settings: None, mount };

/// Mounts the service.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let cx = EnvvarsContext::new(kit)?;
    let (first, erased) = (cx.clone(), cx.clone());
    Ok(MountedService::new(kit, Dialect::Named, routes(), cx)
        .with_migrations(store::list_migrations)
        .with_preparation(async move { app::rotate::rotate_keys(&first).await })
        .with_worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erased.clone();
            async move { app::erase_tool(&cx, tool).await }
        })?))
}

/// Builds the routes of all endpoints, with their access rights.
fn routes() -> OpenApiRouter<EnvvarsContext> {
    OpenApiRouter::new()
        .routes(require_right::<EnvvarsRead, _>(routes!(http::list)))
        .routes(require_right::<EnvvarsWrite, _>(routes!(http::create, http::change_many)))
        .routes(require_right::<EnvvarsWrite, _>(routes!(http::show, http::delete)))
        .routes(require_right::<EnvvarsRead, _>(routes!(http::show_quota)))
        .routes(require_right::<EnvvarsForRuns, _>(routes!(http::list_for_run)))
        .routes(require_right::<EnvvarsForRuns, _>(routes!(http::show_revisions)))
}
