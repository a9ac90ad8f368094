//! Endpoints for other services only.

use axum::{
    http::{HeaderMap, Method},
    response::Response,
};
use hearth_base::{Digest, Error, PageLimit, PathParam, Result};
use hearth_kit::{ApiError, ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    events::{EventBatch, EventsQuery, Topic},
    images::internal::{
        ArtifactAttach, BlobOfToolQuery, ImageKind, ImageLayers, ImageResolution,
        ImageResolveQuery as ResolveQuery, ImagesOfToolQuery, PinPut, TagEvent, UsableImage, UsableImages,
        UsableUpstream,
    },
    reply::{Data, Done},
};

use super::{blob_response as content, images::find_provided_images};
use crate::{
    app,
    context::ImagesContext,
    rights::{AttachArtifacts, FetchLayers, PinImages, ReadTagEvents, ResolveImages},
};

/// Resolve an image name for a tool.
#[utoipa::path(get, path = "/images/v1/internal/resolve", tag = "internal",
    operation_id = "images.internal_resolve", params(ResolveQuery),
    responses((status = 200, body = Data<ImageResolution>), (status = 404, description = "the image does not exist")))]
pub async fn resolve_image(
    cx: ImagesContext,
    _: Authed<ResolveImages>,
    Query(query): Query<ResolveQuery>,
) -> ApiResult<ImageResolution> {
    Ok(ApiResponse::ok(app::resolution::resolve_image(&cx, query.tool, &query.image).await?))
}

/// Attach a document to an image of a tool.
#[utoipa::path(post, path = "/images/v1/internal/artifacts", tag = "internal",
    operation_id = "images.internal_attach", request_body = ArtifactAttach,
    responses((status = 200, body = Data<Done>), (status = 403, description = "the tool has used its quota"),
        (status = 404, description = "the tool has no such image")))]
pub async fn attach_artifact(
    cx: ImagesContext,
    _: Authed<AttachArtifacts>,
    Json(attach): Json<ArtifactAttach>,
) -> ApiResult<Done> {
    app::artifacts::attach_artifact(&cx, attach).await?;
    Ok(ApiResponse::ok(Done {}))
}

/// List all images that a tool may use.
#[utoipa::path(get, path = "/images/v1/internal/images", tag = "internal",
    operation_id = "images.internal_images", params(ImagesOfToolQuery),
    responses((status = 200, body = Data<UsableImages>)))]
pub async fn list_usable_images(
    cx: ImagesContext,
    _: Authed<ResolveImages>,
    Query(ImagesOfToolQuery { tool }): Query<ImagesOfToolQuery>,
) -> ApiResult<UsableImages> {
    let mut images = list_provided_images(&cx).await?;
    images.extend(app::usable::list_tool_images(&cx, tool, PageLimit::new(PageLimit::MAX_ITEMS)?).await?);
    let upstreams = cx.settings.upstreams.iter().map(|(name, upstream)| UsableUpstream {
        name: name.to_string(),
        prefixes: upstream.prefixes.iter().map(ToString::to_string).collect(),
    });
    Ok(ApiResponse::ok(UsableImages { images, upstreams: upstreams.collect() }))
}

async fn list_provided_images(cx: &ImagesContext) -> Result<Vec<UsableImage>> {
    let provided = find_provided_images(cx).await?.into_iter().filter(|image| image.digest.is_some());
    let images = provided.map(|image| UsableImage {
        image: image.name,
        aliases: image.aliases,
        state: image.state,
        kind: ImageKind::Provided,
    });
    Ok(images.collect())
}

/// Read events about moved tags, in order. Waits for the next event when `wait` is set.
#[utoipa::path(get, path = "/images/v1/internal/events/tags", tag = "internal",
    operation_id = "images.internal_events_tags", params(EventsQuery),
    responses((status = 200, body = Data<EventBatch>), (status = 409, description = "the cursor is older than the oldest event")))]
pub async fn read_tag_events(
    cx: ImagesContext,
    _: Authed<ReadTagEvents>,
    Query(after): Query<EventsQuery>,
) -> ApiResult<EventBatch> {
    Ok(ApiResponse::ok(cx.store.events.read(TagEvent::TOPIC_INFO, &after).await?))
}

/// List the layers of the image with this manifest, for a runtime that lacks some of them.
#[utoipa::path(get, path = "/images/v1/internal/manifests/{digest}/layers", tag = "internal",
    operation_id = "images.internal_layers",
    params(("digest" = String, Path, description = "digest of the manifest"), ImagesOfToolQuery),
    responses((status = 200, body = Data<ImageLayers>), (status = 404, description = "the image does not exist")))]
pub async fn read_layers(
    cx: ImagesContext,
    _: Authed<FetchLayers>,
    Param(digest): Param<Digest>,
    Query(ImagesOfToolQuery { tool }): Query<ImagesOfToolQuery>,
) -> ApiResult<ImageLayers> {
    Ok(ApiResponse::ok(app::resolution::find_layers(&cx, tool, digest).await?))
}

/// Get a blob that a tool may read: of its own images or of provided ones.
#[utoipa::path(get, path = "/images/v1/internal/blobs/{digest}", tag = "internal",
    operation_id = "images.internal_blob",
    params(("digest" = String, Path, description = "digest of the blob"), BlobOfToolQuery),
    responses((status = 200, description = "the blob", content_type = "application/octet-stream"),
        (status = 206, description = "the requested range"), (status = 404, description = "the blob does not exist"),
        (status = 416, description = "the range is outside the blob")))]
pub async fn read_blob(
    cx: ImagesContext,
    _: Authed<FetchLayers>,
    Param(digest): Param<Digest>,
    Query(BlobOfToolQuery { tool }): Query<BlobOfToolQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let found = app::blobs::find_readable_blob(&cx, tool, digest).await?;
    Ok(content::render_blob(&cx, found, &method, &headers).await?)
}

/// Pin an image, in place of the holder's previous pin.
#[utoipa::path(put, path = "/images/v1/internal/pins/{holder}", tag = "internal",
    operation_id = "images.internal_pin_put", params(("holder" = String, Path, description = "holder of the pin")),
    request_body = PinPut,
    responses((status = 200, body = Data<Done>), (status = 404, description = "the image does not exist")))]
pub async fn put_pin(
    cx: ImagesContext,
    _: Authed<PinImages>,
    Param(holder): Param<PinHolder>,
    Json(pin): Json<PinPut>,
) -> ApiResult<Done> {
    app::pins::put_pin(&cx, &holder.0, pin.tool, pin.digest).await?;
    Ok(ApiResponse::ok_done())
}

/// Delete a holder's pin.
#[utoipa::path(delete, path = "/images/v1/internal/pins/{holder}", tag = "internal",
    operation_id = "images.internal_pin_delete",
    params(("holder" = String, Path, description = "holder of the pin")),
    responses((status = 200, body = Data<Done>)))]
pub async fn delete_pin(
    cx: ImagesContext,
    _: Authed<PinImages>,
    Param(holder): Param<PinHolder>,
) -> ApiResult<Done> {
    app::pins::delete_pin(&cx, &holder.0).await?;
    Ok(ApiResponse::ok_done())
}

/// Holder of a pin: the service, a colon, and what uses the image: `jobs:job_…`, `builds:build_…`.
pub struct PinHolder(String);

impl std::str::FromStr for PinHolder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_service = |service: &str| {
            (1..=32).contains(&service.len()) && service.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        let is_user = |user: &str| {
            let fits =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:.-".contains(&byte);
            (1..=200).contains(&user.len()) && user.bytes().all(fits)
        };
        match text.split_once(':') {
            Some((service, user)) if is_service(service) && is_user(user) => Ok(Self(text.to_owned())),
            _ => Err(Error::invalid("pin-holder", format!("the holder of a pin is invalid: {text:.80?}"))
                .help("send SERVICE:ID in lower case, for example builds:build_01j…")),
        }
    }
}

impl PathParam for PinHolder {
    const PARAM_NAME: &'static str = "holder";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holder_of_a_pin_names_a_service_and_a_user() {
        for text in ["jobs:job_01j:0123456789abcdef", "builds:build_01j", "components:deployment_01j"] {
            assert!(text.parse::<PinHolder>().is_ok(), "{text}");
        }
        for text in ["", "jobs", "jobs:", ":job_1", "Jobs:x", "jobs:a/b", "jobs:a\u{1}"] {
            assert!(text.parse::<PinHolder>().is_err(), "{text:?}");
        }
    }
}
