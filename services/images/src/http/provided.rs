//! Registry endpoints for provided images (OCI distribution specification): `/v2/hearth/NAME/…`.

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse,
};
use hearth_base::{Digest, UploadId};
use hearth_kit::{Authed, Param};

use super::{
    blob_response,
    blob_uploads::{self, BeginUploadQuery, FinishUploadQuery},
    registry::{self, RegistryReply, TagQuery},
    request_parts::LenientQuery,
};
use crate::{
    app::{blobs, manifests},
    context::ImagesContext,
    names::{ImageName, ManifestReference, RepositoryOwner},
    rights::{PullProvidedImages, PushProvidedImages},
};

/// Get a blob, or a byte range of it.
#[utoipa::path(get, path = "/v2/hearth/{name}/blobs/{digest}", tag = "registry", operation_id = "registry.provided_blob",
    params(("name" = String, Path, description = "name of the image"), ("digest" = String, Path, description = "digest of the blob")),
    responses((status = 200, description = "the blob", content_type = "application/octet-stream"),
        (status = 206, description = "the requested range"), (status = 404, description = "not found"), (status = 416, description = "the range is outside the blob")))]
pub async fn pull_blob(
    cx: ImagesContext,
    _: Authed<PullProvidedImages>,
    Param(name): Param<ImageName>,
    Param(digest): Param<Digest>,
    method: Method,
    headers: HeaderMap,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    let content = blobs::find_blob(&cx, &owner, &name, digest).await?;
    Ok(blob_response::render_blob(&cx, content, &method, &headers).await?)
}

/// Get a manifest by its tag or digest.
#[utoipa::path(get, path = "/v2/hearth/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.provided_manifest",
    params(("name" = String, Path, description = "name of the image"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 200, description = "the manifest as it was pushed"), (status = 404, description = "not found")))]
pub async fn pull_manifest(
    cx: ImagesContext,
    _: Authed<PullProvidedImages>,
    Param(name): Param<ImageName>,
    Param(reference): Param<ManifestReference>,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    let manifest = manifests::find_manifest(&cx, &owner, &name, &reference).await?;
    Ok(registry::render_manifest(manifest))
}

/// Push a manifest under a tag or its digest.
#[utoipa::path(put, path = "/v2/hearth/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.provided_manifest_put",
    params(("name" = String, Path, description = "name of the image"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 201, description = "stored"), (status = 400, description = "the manifest or its digest is invalid"),
        (status = 404, description = "a blob is missing"), (status = 413, description = "too large")))]
pub async fn push_manifest(
    cx: ImagesContext,
    _: Authed<PushProvidedImages>,
    Param(name): Param<ImageName>,
    Param(reference): Param<ManifestReference>,
    headers: HeaderMap,
    body: Body,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    Ok(registry::store_manifest(&cx, &owner, &name, &reference, (&headers, body)).await?)
}

/// Delete a tag, or a manifest with all its tags.
#[utoipa::path(delete, path = "/v2/hearth/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.provided_manifest_delete",
    params(("name" = String, Path, description = "name of the image"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 202, description = "deleted"), (status = 404, description = "not found"), (status = 409, description = "the manifest is in use")))]
pub async fn delete_manifest(
    cx: ImagesContext,
    _: Authed<PushProvidedImages>,
    Param(name): Param<ImageName>,
    Param(reference): Param<ManifestReference>,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    manifests::delete_reference(&cx, &owner, &name, &reference).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// List the tags of an image by name.
#[utoipa::path(get, path = "/v2/hearth/{name}/tags/list", tag = "registry", operation_id = "registry.provided_tags",
    params(("name" = String, Path, description = "name of the image")),
    responses((status = 200, description = "the tags"), (status = 404, description = "not found")))]
pub async fn list_tags(
    cx: ImagesContext,
    _: Authed<PullProvidedImages>,
    Param(name): Param<ImageName>,
    LenientQuery(page): LenientQuery<TagQuery>,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    Ok(registry::render_tag_list(&cx, &owner, &name, page).await?)
}

/// Begin an upload, or mount a blob that the registry already has.
#[utoipa::path(post, path = "/v2/hearth/{name}/blobs/uploads", tag = "registry", operation_id = "registry.provided_upload_begin",
    params(("name" = String, Path, description = "name of the image")),
    responses((status = 202, description = "begun; continue at Location"), (status = 201, description = "the blob exists"),
        (status = 400, description = "the digest is invalid or differs from that of the body"), (status = 413, description = "too large")))]
pub async fn begin_upload(
    cx: ImagesContext,
    _: Authed<PushProvidedImages>,
    Param(name): Param<ImageName>,
    LenientQuery(begin): LenientQuery<BeginUploadQuery>,
    body: Body,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    Ok(blob_uploads::begin_upload(&cx, &owner, &name, begin, body).await?)
}

/// Get the state of an upload.
#[utoipa::path(get, path = "/v2/hearth/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.provided_upload_state",
    params(("name" = String, Path, description = "name of the image"), ("upload" = String, Path, description = "id of the upload")),
    responses((status = 204, description = "the header Range has the state"), (status = 404, description = "not found")))]
pub async fn show_upload(
    cx: ImagesContext,
    _: Authed<PushProvidedImages>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    Ok(blob_uploads::show_upload(&cx, &owner, &name, upload).await?)
}

/// Append the body to an upload.
#[utoipa::path(patch, path = "/v2/hearth/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.provided_upload_append",
    params(("name" = String, Path, description = "name of the image"), ("upload" = String, Path, description = "id of the upload")),
    responses((status = 202, description = "appended"), (status = 404, description = "not found"), (status = 413, description = "too large"),
        (status = 416, description = "out of order")))]
pub async fn append_upload(
    cx: ImagesContext,
    _: Authed<PushProvidedImages>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    Ok(blob_uploads::append_upload(&cx, &owner, &name, upload, &headers, body).await?)
}

/// Finish an upload. The blob is created if its content has the given digest.
#[utoipa::path(put, path = "/v2/hearth/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.provided_upload_finish",
    params(("name" = String, Path, description = "name of the image"), ("upload" = String, Path, description = "id of the upload")),
    responses((status = 201, description = "the blob is stored"), (status = 400, description = "the content has another digest"), (status = 404, description = "not found"),
        (status = 413, description = "too large"), (status = 416, description = "out of order")))]
pub async fn finish_upload(
    cx: ImagesContext,
    _: Authed<PushProvidedImages>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
    LenientQuery(finish): LenientQuery<FinishUploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    Ok(blob_uploads::finish_upload(&cx, &owner, &name, upload, finish, (&headers, body)).await?)
}

/// Cancel an upload.
#[utoipa::path(delete, path = "/v2/hearth/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.provided_upload_cancel",
    params(("name" = String, Path, description = "name of the image"), ("upload" = String, Path, description = "id of the upload")),
    responses((status = 204, description = "cancelled"), (status = 404, description = "not found")))]
pub async fn cancel_upload(
    cx: ImagesContext,
    _: Authed<PushProvidedImages>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
) -> RegistryReply {
    let owner = RepositoryOwner::Provided;
    Ok(blob_uploads::cancel_upload(&cx, &owner, &name, upload).await?)
}
