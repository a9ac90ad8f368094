//! Image service: an OCI registry under `/v2`, and the images API under `/images/v1`.
//!
//! Tagged and pinned manifests and active uploads are never collected.

mod app;
mod context;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod library;
mod names;
mod quota_source;
mod rights;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod upstream;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, MountedService, PrefixExt, Right, RouteExt, Service,
    config::Section,
    queue, require_right,
    route::{AnsweredBy, RoutePrefix},
    tool_cleanup,
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};

pub use library::ImageLibrary;

use crate::{
    context::ImagesContext,
    quota_source::QuotaSource,
    rights::{
        AttachArtifacts, FetchLayers, ListAllImages, NoSignIn, PinImages, PullProvidedImages, PullRepository,
        PullToolImages, PullUpstreamImages, PushProvidedImages, PushRepository, PushToolImages,
        ReadTagEvents, ResolveImages,
    },
    store::RegistryStore,
};

pub use settings::{ImageSource, ImagesSettings, ProvidedImage};
pub use upstream::{ImagePrefix, UpstreamName, UpstreamSettings, UpstreamUrl};

/// The service, as `hearthd` mounts it.
pub const IMAGES_SERVICE: Service = Service {
    role: Role::Images,
    has_database: true,
    settings: Some(Section::from_settings::<ImagesSettings>()),
    mount,
};

/// Builds the service's routes, workers and migrations.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let store = RegistryStore::new(kit.db()?.clone(), kit.create_queue()?, kit.tasks.shutdown_signal());
    let cx = ImagesContext::new(
        &kit.config,
        &kit.state,
        store,
        QuotaSource::from_accounts(kit.clients.clone()),
        (kit.clock.clone(), kit.entropy.clone()),
        kit.tasks.clone(),
    )?;
    let (collecting, erasing) = (workers::garbage_collection::create_worker(&cx), cx.clone());
    let erase = move |tool| {
        let cx = erasing.clone();
        async move { app::tool_erasure::erase_tool_images(&cx, tool).await }
    };
    let routes = queue::add_routes(routes(&kit.settings()), kit.role, &cx.store.queue);
    Ok(MountedService::new(kit, Dialect::Data, routes, cx)
        .with_migrations(store::list_migrations)
        .with_worker(collecting)
        .with_worker(tool_cleanup::create_worker(kit, erase)?))
}

/// Time until the answer to a pull from an upstream begins: a part of a blob is sent once the blob is stored.
const UPSTREAM_TIME_LIMIT_SECONDS: u64 = 600;

/// Builds all endpoints with their access rights.
fn routes(settings: &ImagesSettings) -> OpenApiRouter<ImagesContext> {
    let blob = settings.blob_limit;
    let manifest = settings.manifest_limit;
    OpenApiRouter::new()
        .with_prefix("v2", RoutePrefix::with_dialect(Dialect::Registry).with_token_flow("/v2/token"))
        .routes(
            require_right::<NoSignIn, _>(routes!(http::registry::exchange_token))
                .with_answered_by(AnsweredBy::TokenExchange),
        )
        .routes(require_right::<PullProvidedImages, _>(routes!(http::registry::check_api_version)))
        .routes(require_right::<PullProvidedImages, _>(routes!(http::provided::pull_blob)))
        .routes(require_right::<PullProvidedImages, _>(routes!(http::provided::pull_manifest)))
        .routes(require_right::<PullProvidedImages, _>(routes!(http::provided::list_tags)))
        .routes(require_right::<PullProvidedImages, _>(routes!(http::referrers::list_provided_referrers)))
        .routes(
            require_right::<PullUpstreamImages, _>(routes!(http::upstream::pull_content))
                .with_time_limit(UPSTREAM_TIME_LIMIT_SECONDS),
        )
        .routes(declare_upload(
            require_right::<PushProvidedImages, _>(routes!(http::provided::begin_upload)),
            blob,
        ))
        .routes(declare_upload(
            require_right::<PushProvidedImages, _>(routes!(
                http::provided::show_upload,
                http::provided::append_upload,
                http::provided::finish_upload,
                http::provided::cancel_upload
            )),
            blob,
        ))
        .routes(declare_upload(
            require_right::<PushProvidedImages, _>(routes!(
                http::provided::push_manifest,
                http::provided::delete_manifest
            )),
            manifest,
        ))
        .routes(guard_tool_route::<PullRepository>(routes!(http::registry::pull_blob)))
        .routes(guard_tool_route::<PushRepository>(routes!(http::registry::delete_blob)))
        .routes(guard_tool_route::<PullRepository>(routes!(http::registry::pull_manifest)))
        .routes(declare_upload(
            guard_tool_route::<PushRepository>(routes!(
                http::registry::push_manifest,
                http::registry::delete_manifest
            )),
            manifest,
        ))
        .routes(guard_tool_route::<PullRepository>(routes!(http::registry::list_tags)))
        .routes(guard_tool_route::<PullRepository>(routes!(http::referrers::list_referrers)))
        .routes(declare_upload(
            guard_tool_route::<PushRepository>(routes!(http::registry::begin_upload)),
            blob,
        ))
        .routes(declare_upload(
            guard_tool_route::<PushRepository>(routes!(
                http::registry::show_upload,
                http::registry::append_upload,
                http::registry::finish_upload,
                http::registry::cancel_upload
            )),
            blob,
        ))
        .routes(require_right::<PullProvidedImages, _>(routes!(http::images::list_provided)))
        .routes(require_right::<PullToolImages, _>(routes!(http::images::list)))
        .routes(require_right::<PushToolImages, _>(routes!(http::images::delete)))
        .routes(require_right::<PullToolImages, _>(routes!(http::images::list_tags)))
        .routes(require_right::<PushToolImages, _>(routes!(http::images::delete_tag)))
        .routes(require_right::<ListAllImages, _>(routes!(http::images::list_all)))
        .routes(require_right::<ResolveImages, _>(routes!(http::internal::resolve_image)))
        .routes(require_right::<ResolveImages, _>(routes!(http::internal::list_usable_images)))
        .routes(require_right::<FetchLayers, _>(routes!(http::internal::read_layers)))
        .routes(require_right::<FetchLayers, _>(routes!(http::internal::read_blob)))
        .routes(require_right::<AttachArtifacts, _>(routes!(http::internal::attach_artifact)))
        .routes(require_right::<ReadTagEvents, _>(routes!(http::internal::read_tag_events)))
        .routes(require_right::<PinImages, _>(routes!(http::internal::put_pin, http::internal::delete_pin)))
}

/// Guards registry routes whose path begins with the repository owner `tool-NAME`.
fn guard_tool_route<R: Right>(
    routes: UtoipaMethodRouter<ImagesContext>,
) -> UtoipaMethodRouter<ImagesContext> {
    require_right::<R, _>(routes).with_tool_parameter("space", "tool-")
}

/// Declares that routes stream a body of at most `limit` bytes.
fn declare_upload(
    routes: UtoipaMethodRouter<ImagesContext>,
    limit: u64,
) -> UtoipaMethodRouter<ImagesContext> {
    routes.with_body_limit(limit).with_streaming()
}
