//! From a source to a running tool: `/components/v1`.
//!
//! A deployment is a row with steps. Each step can be done again after a kill at any point, is done with the right
//! of whoever asked for it, looked up anew, and leaves what ran before alone until what is new answers.

mod app;
mod cx;
mod http;
mod rights;
mod settings;
mod store;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, Mounted, RouteExt, Service,
    config::{Door, Section},
    guard, queue, tool_cleanup,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    cx::Cx,
    rights::{ToolRead, ToolWrite},
};

pub use settings::ComponentsSettings;

/// This service, as `hearthd` mounts it.
pub const COMPONENTS_SERVICE: Service = Service {
    role: Role::Components,
    database: true,
    settings: Some(Section::of::<ComponentsSettings>()),
    mount,
};

/// Puts the service together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let cx = Cx::new(kit)?;
    let erasing = cx.clone();
    let deploying = queue::worker(&cx.store.queue, workers::deploy::Deploy(cx.clone()));
    let routes = queue::add_routes(routes(&kit.config.door), kit.role, &cx.store.queue);
    Ok(Mounted::new(kit, Dialect::Data, routes, cx).migrations(store::migrations).worker(deploying).worker(
        tool_cleanup::create_worker(kit, move |tool| {
            let cx = erasing.clone();
            async move { app::erase::erase(&cx, tool).await }
        })?,
    ))
}

/// Every endpoint, with who may use it.
fn routes(door: &Door) -> OpenApiRouter<Cx> {
    OpenApiRouter::new()
        .routes(guard::<ToolRead, _>(routes!(http::deployments::list)))
        .routes(guard::<ToolWrite, _>(routes!(http::deployments::create)))
        .routes(guard::<ToolRead, _>(routes!(http::deployments::latest)))
        .routes(guard::<ToolWrite, _>(routes!(http::deployments::cancel_latest)))
        .routes(
            guard::<ToolRead, _>(routes!(http::deployments::show))
                .time_limit(door.timeout + app::watch::MAX_WAIT_SECONDS),
        )
        .routes(guard::<ToolWrite, _>(routes!(http::deployments::delete)))
        .routes(guard::<ToolWrite, _>(routes!(http::deployments::cancel)))
        .routes(guard::<ToolRead, _>(routes!(http::revisions::list)))
        .routes(guard::<ToolRead, _>(routes!(http::revisions::show)))
}
