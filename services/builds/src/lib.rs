//! Images made from sources: `/builds/v1`.
//!
//! This service knows what is to be built and what became of it. It never sees a source's content beyond the
//! archive that it passes on, and makes no image: a builder leases builds and does.

mod app;
mod cx;
#[doc(hidden)]
pub mod fuzzing;
mod git;
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
    rights::{BuildsRead, BuildsWrite, Make},
};

pub use settings::BuildsSettings;

/// This service, as `hearthd` mounts it.
pub const BUILDS_SERVICE: Service =
    Service { role: Role::Builds, database: true, settings: Some(Section::of::<BuildsSettings>()), mount };

/// Puts the service together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let cx = Cx::new(kit)?;
    let (erase, store) = (cx.clone(), cx.store.clone());
    let limits = queue::worker(&store.queue, workers::time_limits::EndBuilds(cx.clone()));
    let unpins = queue::worker(&store.queue, workers::unpin::UnpinImages(cx.clone()));
    let sweeps = workers::housekeeping::create_worker(&cx);
    let erase = move |tool| {
        let cx = erase.clone();
        async move { app::clean::erase(&cx, tool).await }
    };
    let routes = queue::add_routes(routes(&kit.settings(), &kit.config.door), kit.role, &store.queue);
    Ok(Mounted::new(kit, Dialect::Named, routes, cx)
        .migrations(store::migrations)
        .worker(tool_cleanup::create_worker(kit, erase)?)
        .worker(limits)
        .worker(unpins)
        .worker(sweeps))
}

/// Every endpoint, with who may use it.
fn routes(settings: &BuildsSettings, door: &Door) -> OpenApiRouter<Cx> {
    OpenApiRouter::new()
        .routes(guard::<BuildsRead, _>(routes!(http::builds::list)))
        .routes(guard::<BuildsWrite, _>(routes!(http::builds::start)))
        .routes(guard::<BuildsRead, _>(routes!(http::builds::latest)))
        .routes(
            guard::<BuildsRead, _>(routes!(http::builds::show))
                .time_limit(door.timeout + http::builds::MAX_WAIT_SECONDS),
        )
        .routes(guard::<BuildsWrite, _>(routes!(http::builds::delete)))
        .routes(guard::<BuildsWrite, _>(routes!(http::builds::cancel)))
        .routes(guard::<BuildsRead, _>(routes!(http::logs::show)))
        .routes(guard::<BuildsWrite, _>(routes!(http::builds::clean)))
        .routes(guard::<BuildsRead, _>(routes!(http::quotas::show)))
        .routes(
            guard::<BuildsWrite, _>(routes!(http::sources::add, http::sources::put))
                .body_limit(settings.upload_limit)
                .streaming(),
        )
        .routes(guard::<Make, _>(routes!(http::internal::claim)))
        .routes(guard::<Make, _>(routes!(http::internal::beat)))
        .routes(guard::<Make, _>(routes!(http::internal::finish)))
        .routes(guard::<Make, _>(routes!(http::internal::source)))
}
