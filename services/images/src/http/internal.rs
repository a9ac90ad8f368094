//! What other services ask, and nobody else may.

use axum::{
    http::{HeaderMap, Method},
    response::Response,
};
use hearth_base::{Digest, Error, Kind, Limit, PathParam, Result};
use hearth_kit::{Answer, Authed, Json, Param, Query, Refused, Reply};
use hearth_wire::{
    events::{After, EventBatch, Topic},
    images::internal::{
        ImageKind, ImageLayers, OfTool, PinPut, Resolve as ResolveQuery, Resolved, TagEvent, Usable, Usables,
    },
    reply::{Data, Done},
};

use super::{blob as content, images::provided_views};
use crate::{
    app,
    cx::Cx,
    rights::{Fetch, Pin, ReadEvents, Resolve},
};

/// The image that a tool means by a text.
#[utoipa::path(get, path = "/images/v1/internal/resolve", tag = "internal",
    operation_id = "images.internal_resolve", params(ResolveQuery),
    responses((status = 200, body = Data<Resolved>), (status = 404, description = "there is none")))]
pub async fn resolve(cx: Cx, _: Authed<Resolve>, Query(query): Query<ResolveQuery>) -> Reply<Resolved> {
    Ok(Answer::of(app::resolve::resolve(&cx, query.tool, &query.image).await?))
}

/// All images that a tool may use.
#[utoipa::path(get, path = "/images/v1/internal/images", tag = "internal",
    operation_id = "images.internal_images", params(OfTool),
    responses((status = 200, body = Data<Usables>)))]
pub async fn usable(cx: Cx, _: Authed<Resolve>, Query(OfTool { tool }): Query<OfTool>) -> Reply<Usables> {
    let provided = provided_views(&cx).await?.into_iter().filter(|image| image.digest.is_some());
    let mut images: Vec<Usable> = provided
        .map(|image| Usable {
            image: image.name,
            aliases: image.aliases,
            state: image.state,
            kind: ImageKind::Provided,
        })
        .collect();
    let owner = tool.to_string();
    let most = Limit::new(Limit::MAX)?;
    for repository in cx.store.repository_list(Some(&owner), most, None).await?.items {
        let tags = cx.store.tag_list(repository.id, most, None).await?.items;
        images.extend(tags.into_iter().map(|tag| Usable {
            image: format!("tool-{}/{}:{}", repository.tool_name, repository.name, tag.name),
            aliases: Vec::new(),
            state: "stable".to_owned(),
            kind: ImageKind::Built,
        }));
    }
    Ok(Answer::of(Usables { images }))
}

/// Tags that mean another manifest, in order; waits for the next event when asked to.
#[utoipa::path(get, path = "/images/v1/internal/events/tags", tag = "internal",
    operation_id = "images.internal_events_tags", params(After),
    responses((status = 200, body = Data<EventBatch>), (status = 409, description = "no longer kept")))]
pub async fn tag_events(cx: Cx, _: Authed<ReadEvents>, Query(after): Query<After>) -> Reply<EventBatch> {
    Ok(Answer::of(cx.store.events.read(TagEvent::TOPIC_INFO, &after).await?))
}

/// The layers of the image with this manifest, for the runtime that lacks some of them.
#[utoipa::path(get, path = "/images/v1/internal/manifests/{digest}/layers", tag = "internal",
    operation_id = "images.internal_layers",
    params(("digest" = String, Path, description = "of the manifest"), OfTool),
    responses((status = 200, body = Data<ImageLayers>), (status = 404, description = "there is no such image")))]
pub async fn read_layers(
    cx: Cx,
    _: Authed<Fetch>,
    Param(digest): Param<Digest>,
    Query(OfTool { tool }): Query<OfTool>,
) -> Reply<ImageLayers> {
    Ok(Answer::of(app::resolve::find_layers(&cx, tool, digest).await?))
}

/// A blob, whichever repository has it.
#[utoipa::path(get, path = "/images/v1/internal/blobs/{digest}", tag = "internal",
    operation_id = "images.internal_blob", params(("digest" = String, Path, description = "of the blob")),
    responses((status = 200, description = "the blob", content_type = "application/octet-stream"),
        (status = 206, description = "the part asked for"), (status = 404, description = "there is no such blob"),
        (status = 416, description = "no such part")))]
pub async fn blob(
    cx: Cx,
    _: Authed<Fetch>,
    Param(digest): Param<Digest>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let unknown = || Error::new(Kind::NotFound, "blob-unknown", format!("there is no blob {digest}"));
    let found = cx.store.content(digest).await?.ok_or_else(unknown)?;
    Ok(content::answer(&cx, found, &method, &headers).await?)
}

/// Rely on an image, in place of what the holder relied on before.
#[utoipa::path(put, path = "/images/v1/internal/pins/{holder}", tag = "internal",
    operation_id = "images.internal_pin_put", params(("holder" = String, Path, description = "whoever relies on it")),
    request_body = PinPut,
    responses((status = 200, body = Data<Done>), (status = 404, description = "there is no such image")))]
pub async fn pin_put(
    cx: Cx,
    _: Authed<Pin>,
    Param(holder): Param<Holder>,
    Json(pin): Json<PinPut>,
) -> Reply<Done> {
    app::pins::put(&cx, &holder.0, pin.tool, pin.digest).await?;
    Ok(Answer::done())
}

/// Rely on nothing any more.
#[utoipa::path(delete, path = "/images/v1/internal/pins/{holder}", tag = "internal",
    operation_id = "images.internal_pin_delete",
    params(("holder" = String, Path, description = "whoever relied on it")),
    responses((status = 200, body = Data<Done>)))]
pub async fn pin_delete(cx: Cx, _: Authed<Pin>, Param(holder): Param<Holder>) -> Reply<Done> {
    app::pins::delete(&cx, &holder.0).await?;
    Ok(Answer::done())
}

/// Whoever relies on an image: `jobs:set_…`, `builds:build_…`.
pub struct Holder(String);

impl std::str::FromStr for Holder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self(text.to_owned()))
    }
}

impl PathParam for Holder {
    const PARAM: &'static str = "holder";
}
