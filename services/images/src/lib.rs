//! Images: an OCI registry under `/v2`, and what the other services and people ask about images under `/images/v1`.
//!
//! What somebody relies on is pinned, and what is pinned, tagged or on its way in is never collected.

mod app;
mod cx;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod library;
mod names;
mod rights;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, Mounted, PrefixExt, Right, RouteExt, Service,
    config::Section,
    guard, queue,
    route::{AnsweredBy, Prefix},
    tool_cleanup,
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};

pub use library::Library;

use crate::{
    cx::Cx,
    rights::{Fetch, Open, Operate, Pin, Pull, PullProvided, Push, PushProvided, ReadEvents, Resolve},
    store::Store,
};

pub use settings::{ImageSource, ImagesSettings, ProvidedImage};

/// This service, as `hearthd` mounts it.
pub const IMAGES_SERVICE: Service =
    Service { role: Role::Images, database: true, settings: Some(Section::of::<ImagesSettings>()), mount };

/// Puts the service together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let store = Store::new(kit.db()?.clone(), kit.queue()?, kit.tasks.stop_sign());
    let cx = Cx::new(&kit.config, &kit.state, store, kit.clock.clone(), kit.entropy.clone())?;
    let (collecting, erasing) = (workers::collecting::create_worker(&cx), cx.clone());
    let erase = move |tool| {
        let cx = erasing.clone();
        async move { app::erase::erase(&cx, tool).await }
    };
    let routes = queue::add_routes(routes(&kit.settings()), kit.role, &cx.store.queue);
    Ok(Mounted::new(kit, Dialect::Data, routes, cx)
        .migrations(store::migrations)
        .worker(collecting)
        .worker(tool_cleanup::create_worker(kit, erase)?))
}

/// Every endpoint, with who may use it.
fn routes(settings: &ImagesSettings) -> OpenApiRouter<Cx> {
    let blob = settings.blob_limit;
    let manifest = settings.manifest_limit;
    OpenApiRouter::new()
        .prefix("v2", Prefix::of_standard(Dialect::Registry).token_flow("/v2/token"))
        .routes(guard::<Open, _>(routes!(http::registry::token)).answered_by(AnsweredBy::TokenExchange))
        .routes(guard::<PullProvided, _>(routes!(http::registry::root)))
        .routes(guard::<PullProvided, _>(routes!(http::provided::blob)))
        .routes(guard::<PullProvided, _>(routes!(http::provided::manifest)))
        .routes(guard::<PullProvided, _>(routes!(http::provided::tags)))
        .routes(declare_upload(guard::<PushProvided, _>(routes!(http::provided::upload_begin)), blob))
        .routes(declare_upload(
            guard::<PushProvided, _>(routes!(
                http::provided::upload_state,
                http::provided::upload_append,
                http::provided::upload_finish,
                http::provided::upload_cancel
            )),
            blob,
        ))
        .routes(declare_upload(
            guard::<PushProvided, _>(routes!(http::provided::manifest_put, http::provided::manifest_delete)),
            manifest,
        ))
        .routes(of_tool::<Pull>(routes!(http::registry::blob)))
        .routes(of_tool::<Push>(routes!(http::registry::blob_delete)))
        .routes(of_tool::<Pull>(routes!(http::registry::manifest)))
        .routes(declare_upload(
            of_tool::<Push>(routes!(http::registry::manifest_put, http::registry::manifest_delete)),
            manifest,
        ))
        .routes(of_tool::<Pull>(routes!(http::registry::tags)))
        .routes(declare_upload(of_tool::<Push>(routes!(http::registry::upload_begin)), blob))
        .routes(declare_upload(
            of_tool::<Push>(routes!(
                http::registry::upload_state,
                http::registry::upload_append,
                http::registry::upload_finish,
                http::registry::upload_cancel
            )),
            blob,
        ))
        .routes(guard::<PullProvided, _>(routes!(http::images::provided)))
        .routes(guard::<Pull, _>(routes!(http::images::list)))
        .routes(guard::<Push, _>(routes!(http::images::delete)))
        .routes(guard::<Pull, _>(routes!(http::images::tags)))
        .routes(guard::<Push, _>(routes!(http::images::tag_delete)))
        .routes(guard::<Operate, _>(routes!(http::images::list_all)))
        .routes(guard::<Resolve, _>(routes!(http::internal::resolve)))
        .routes(guard::<Resolve, _>(routes!(http::internal::usable)))
        .routes(guard::<Fetch, _>(routes!(http::internal::read_layers)))
        .routes(guard::<Fetch, _>(routes!(http::internal::blob)))
        .routes(guard::<ReadEvents, _>(routes!(http::internal::tag_events)))
        .routes(guard::<Pin, _>(routes!(http::internal::pin_put, http::internal::pin_delete)))
}

/// Routes of the registry whose path begins with the space of a tool: `tool-NAME`.
fn of_tool<R: Right>(routes: UtoipaMethodRouter<Cx>) -> UtoipaMethodRouter<Cx> {
    guard::<R, _>(routes).tool_in("space", "tool-")
}

/// Routes that take content of at most so many bytes.
fn declare_upload(routes: UtoipaMethodRouter<Cx>, limit: u64) -> UtoipaMethodRouter<Cx> {
    routes.body_limit(limit).streaming()
}
