//! The same for what this Hearth provides: `/v2/hearth/NAME/…`.

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse,
};
use hearth_base::{Digest, UploadId};
use hearth_kit::{Authed, Param};

use super::{
    blob,
    push::{self, Begin, Finish},
    query::Loose,
    registry::{self, Reply, TagQuery},
};
use crate::{
    app::{blobs, manifests},
    cx::Cx,
    names::{ImageName, Reference, Space},
    rights::{PullProvided, PushProvided},
};

/// A blob, or a part of it.
#[utoipa::path(get, path = "/v2/hearth/{name}/blobs/{digest}", tag = "registry", operation_id = "registry.provided_blob",
    params(("name" = String, Path, description = "the image within it"), ("digest" = String, Path, description = "of the blob")),
    responses((status = 200, description = "the blob", content_type = "application/octet-stream"),
        (status = 206, description = "the part asked for"), (status = 404, description = "there is no such thing"), (status = 416, description = "no such part")))]
pub async fn blob(
    cx: Cx,
    _: Authed<PullProvided>,
    Param(name): Param<ImageName>,
    Param(digest): Param<Digest>,
    method: Method,
    headers: HeaderMap,
) -> Reply {
    let space = Space::Provided;
    let content = blobs::find(&cx, &space, &name, digest).await?;
    Ok(blob::answer(&cx, content, &method, &headers).await?)
}

/// A manifest by its tag or digest.
#[utoipa::path(get, path = "/v2/hearth/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.provided_manifest",
    params(("name" = String, Path, description = "the image within it"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 200, description = "the manifest, to the byte"), (status = 404, description = "there is no such thing")))]
pub async fn manifest(
    cx: Cx,
    _: Authed<PullProvided>,
    Param(name): Param<ImageName>,
    Param(reference): Param<Reference>,
) -> Reply {
    let space = Space::Provided;
    let manifest = manifests::find(&cx, &space, &name, &reference).await?;
    Ok(registry::content(manifest))
}

/// Push a manifest under a tag or its digest.
#[utoipa::path(put, path = "/v2/hearth/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.provided_manifest_put",
    params(("name" = String, Path, description = "the image within it"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 201, description = "kept"), (status = 400, description = "no manifest, or not of that digest"),
        (status = 404, description = "a blob is missing"), (status = 413, description = "too large")))]
pub async fn manifest_put(
    cx: Cx,
    _: Authed<PushProvided>,
    Param(name): Param<ImageName>,
    Param(reference): Param<Reference>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let space = Space::Provided;
    Ok(registry::keep(&cx, &space, &name, &reference, (&headers, body)).await?)
}

/// Take a tag away, or a manifest with all its tags.
#[utoipa::path(delete, path = "/v2/hearth/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.provided_manifest_delete",
    params(("name" = String, Path, description = "the image within it"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 202, description = "taken"), (status = 404, description = "there is no such thing"), (status = 409, description = "it is in use")))]
pub async fn manifest_delete(
    cx: Cx,
    _: Authed<PushProvided>,
    Param(name): Param<ImageName>,
    Param(reference): Param<Reference>,
) -> Reply {
    let space = Space::Provided;
    manifests::delete(&cx, &space, &name, &reference).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// The tags of an image, by name.
#[utoipa::path(get, path = "/v2/hearth/{name}/tags/list", tag = "registry", operation_id = "registry.provided_tags",
    params(("name" = String, Path, description = "the image within it")),
    responses((status = 200, description = "the tags"), (status = 404, description = "there is no such thing")))]
pub async fn tags(
    cx: Cx,
    _: Authed<PullProvided>,
    Param(name): Param<ImageName>,
    Loose(page): Loose<TagQuery>,
) -> Reply {
    let space = Space::Provided;
    Ok(registry::tag_list(&cx, &space, &name, page).await?)
}

/// Begin an upload; or mount a blob that is here already.
#[utoipa::path(post, path = "/v2/hearth/{name}/blobs/uploads", tag = "registry", operation_id = "registry.provided_upload_begin",
    params(("name" = String, Path, description = "the image within it")),
    responses((status = 202, description = "begun: go on at Location"), (status = 201, description = "the blob is here"),
        (status = 400, description = "no digest, or not that of the body"), (status = 413, description = "too large")))]
pub async fn upload_begin(
    cx: Cx,
    _: Authed<PushProvided>,
    Param(name): Param<ImageName>,
    Loose(begin): Loose<Begin>,
    body: Body,
) -> Reply {
    let space = Space::Provided;
    Ok(push::begin(&cx, &space, &name, begin, body).await?)
}

/// How far an upload is.
#[utoipa::path(get, path = "/v2/hearth/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.provided_upload_state",
    params(("name" = String, Path, description = "the image within it"), ("upload" = String, Path, description = "from the answer that began it")),
    responses((status = 204, description = "in the header Range"), (status = 404, description = "there is no such thing")))]
pub async fn upload_state(
    cx: Cx,
    _: Authed<PushProvided>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
) -> Reply {
    let space = Space::Provided;
    Ok(push::show(&cx, &space, &name, upload).await?)
}

/// Add the body to an upload.
#[utoipa::path(patch, path = "/v2/hearth/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.provided_upload_append",
    params(("name" = String, Path, description = "the image within it"), ("upload" = String, Path, description = "from the answer that began it")),
    responses((status = 202, description = "added"), (status = 404, description = "there is no such thing"), (status = 413, description = "too large"),
        (status = 416, description = "out of order")))]
pub async fn upload_append(
    cx: Cx,
    _: Authed<PushProvided>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let space = Space::Provided;
    Ok(push::append(&cx, &space, &name, upload, &headers, body).await?)
}

/// End an upload: the blob is there if it has that digest.
#[utoipa::path(put, path = "/v2/hearth/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.provided_upload_finish",
    params(("name" = String, Path, description = "the image within it"), ("upload" = String, Path, description = "from the answer that began it")),
    responses((status = 201, description = "the blob is there"), (status = 400, description = "not of that digest"), (status = 404, description = "there is no such thing"),
        (status = 413, description = "too large"), (status = 416, description = "out of order")))]
pub async fn upload_finish(
    cx: Cx,
    _: Authed<PushProvided>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
    Loose(finish): Loose<Finish>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let space = Space::Provided;
    Ok(push::finish(&cx, &space, &name, upload, finish, (&headers, body)).await?)
}

/// Give an upload up.
#[utoipa::path(delete, path = "/v2/hearth/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.provided_upload_cancel",
    params(("name" = String, Path, description = "the image within it"), ("upload" = String, Path, description = "from the answer that began it")),
    responses((status = 204, description = "given up"), (status = 404, description = "there is no such thing")))]
pub async fn upload_cancel(
    cx: Cx,
    _: Authed<PushProvided>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
) -> Reply {
    let space = Space::Provided;
    Ok(push::cancel(&cx, &space, &name, upload).await?)
}
