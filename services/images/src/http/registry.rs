//! Registry endpoints for tools' images (OCI distribution specification): `/v2/tool-TOOL/NAME/…`.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Digest, Error, PageLimit, Result, UploadId};
use hearth_kit::{ApiError, Authed, Param, Right, guard::ImageCaller};
use hearth_wire::images::is_reserved_image_name;
use serde::Deserialize;
use serde_json::json;

use super::{
    blob_response,
    blob_uploads::{self, BeginUploadQuery, FinishUploadQuery},
    headers::{DIGEST_HEADER, SUBJECT_HEADER},
    request_parts::{LenientQuery, read_body, read_header},
};
use crate::{
    app::{
        blobs,
        manifests::{self, PushedManifest},
        tags,
    },
    context::ImagesContext,
    names::{ImageName, ManifestReference, RepositoryOwner},
    rights::{NoSignIn, PullProvidedImages, PullRepository, PushRepository},
    store::Manifest,
};

pub type RegistryReply = Result<Response, ApiError>;

/// Query of a tag list: at most `n` tags after `last`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TagQuery {
    pub n: Option<u32>,
    pub last: Option<String>,
}

/// Exchange a Basic password for a token. The gateway answers this endpoint, because only it sees passwords.
#[utoipa::path(get, path = "/v2/token", tag = "registry", operation_id = "registry.token",
    responses((status = 200, description = "the token"), (status = 401, description = "the password is missing or invalid")))]
pub async fn exchange_token(_: Authed<NoSignIn>) -> RegistryReply {
    let what = "the request did not come through the gateway, which answers this endpoint";
    Err(ApiError(Error::unavailable("no-gateway", what).help("use the public address of this Hearth")))
}

/// Check the registry's API version and the caller's sign-in.
#[utoipa::path(get, path = "/v2", tag = "registry", operation_id = "registry.root",
    responses((status = 200, description = "the API version is supported")))]
pub async fn check_api_version(_: Authed<PullProvidedImages>) -> Response {
    let version = HeaderName::from_static("docker-distribution-api-version");
    ([(version, "registry/2.0")], axum::Json(json!({}))).into_response()
}

/// Get a blob, or a byte range of it.
#[utoipa::path(get, path = "/v2/{space}/{name}/blobs/{digest}", tag = "registry", operation_id = "registry.blob",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"), ("digest" = String, Path, description = "digest of the blob")),
    responses((status = 200, description = "the blob", content_type = "application/octet-stream"),
        (status = 206, description = "the requested range"), (status = 404, description = "not found"), (status = 416, description = "the range is outside the blob")))]
pub async fn pull_blob(
    cx: ImagesContext,
    who: Authed<PullRepository>,
    Param(name): Param<ImageName>,
    Param(digest): Param<Digest>,
    method: Method,
    headers: HeaderMap,
) -> RegistryReply {
    let owner = find_repository_owner(&who, &name)?;
    let content = blobs::find_blob(&cx, &owner, &name, digest).await?;
    Ok(blob_response::render_blob(&cx, content, &method, &headers).await?)
}

/// Delete a blob from a repository.
#[utoipa::path(delete, path = "/v2/{space}/{name}/blobs/{digest}", tag = "registry", operation_id = "registry.blob_delete",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"), ("digest" = String, Path, description = "digest of the blob")),
    responses((status = 202, description = "deleted"), (status = 404, description = "not found"), (status = 409, description = "the blob is in use by a manifest")))]
pub async fn delete_blob(
    cx: ImagesContext,
    who: Authed<PushRepository>,
    Param(name): Param<ImageName>,
    Param(digest): Param<Digest>,
) -> RegistryReply {
    let owner = find_owner_to_delete(&who, &name)?;
    blobs::delete_blob(&cx, &owner, &name, digest).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Get a manifest by its tag or digest.
#[utoipa::path(get, path = "/v2/{space}/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.manifest",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 200, description = "the manifest as it was pushed"), (status = 404, description = "not found")))]
pub async fn pull_manifest(
    cx: ImagesContext,
    who: Authed<PullRepository>,
    Param(name): Param<ImageName>,
    Param(reference): Param<ManifestReference>,
) -> RegistryReply {
    let owner = find_repository_owner(&who, &name)?;
    let manifest = manifests::find_manifest(&cx, &owner, &name, &reference).await?;
    Ok(render_manifest(manifest))
}

/// Push a manifest under a tag or its digest.
#[utoipa::path(put, path = "/v2/{space}/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.manifest_put",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 201, description = "stored"), (status = 400, description = "the manifest or its digest is invalid"),
        (status = 404, description = "a blob is missing"), (status = 413, description = "too large")))]
pub async fn push_manifest(
    cx: ImagesContext,
    who: Authed<PushRepository>,
    Param(name): Param<ImageName>,
    Param(reference): Param<ManifestReference>,
    headers: HeaderMap,
    body: Body,
) -> RegistryReply {
    let owner = find_owner_to_push(&who, &name)?;
    Ok(store_manifest(&cx, &owner, &name, &reference, (&headers, body)).await?)
}

/// Delete a tag, or a manifest with all its tags.
#[utoipa::path(delete, path = "/v2/{space}/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.manifest_delete",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 202, description = "deleted"), (status = 404, description = "not found"), (status = 409, description = "the manifest is in use")))]
pub async fn delete_manifest(
    cx: ImagesContext,
    who: Authed<PushRepository>,
    Param(name): Param<ImageName>,
    Param(reference): Param<ManifestReference>,
) -> RegistryReply {
    let owner = find_owner_to_delete(&who, &name)?;
    manifests::delete_reference(&cx, &owner, &name, &reference).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// List the tags of an image by name.
#[utoipa::path(get, path = "/v2/{space}/{name}/tags/list", tag = "registry", operation_id = "registry.tags",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image")),
    responses((status = 200, description = "the tags"), (status = 404, description = "not found")))]
pub async fn list_tags(
    cx: ImagesContext,
    who: Authed<PullRepository>,
    Param(name): Param<ImageName>,
    LenientQuery(page): LenientQuery<TagQuery>,
) -> RegistryReply {
    let owner = find_repository_owner(&who, &name)?;
    Ok(render_tag_list(&cx, &owner, &name, page).await?)
}

/// Begin an upload, or mount a blob that the registry already has.
#[utoipa::path(post, path = "/v2/{space}/{name}/blobs/uploads", tag = "registry", operation_id = "registry.upload_begin",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image")),
    responses((status = 202, description = "begun; continue at Location"), (status = 201, description = "the blob exists"),
        (status = 400, description = "the digest is invalid or differs from that of the body"), (status = 413, description = "too large")))]
pub async fn begin_upload(
    cx: ImagesContext,
    who: Authed<PushRepository>,
    Param(name): Param<ImageName>,
    LenientQuery(begin): LenientQuery<BeginUploadQuery>,
    body: Body,
) -> RegistryReply {
    let owner = find_owner_to_push(&who, &name)?;
    let begin = match who.image {
        // A build must not mount layers of other images of the tool, even if it knows their digests.
        Some(_) => begin.restrict_to_provided(),
        None => begin,
    };
    Ok(blob_uploads::begin_upload(&cx, &owner, &name, begin, body).await?)
}

/// Get the state of an upload.
#[utoipa::path(get, path = "/v2/{space}/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.upload_state",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"), ("upload" = String, Path, description = "id of the upload")),
    responses((status = 204, description = "the header Range has the state"), (status = 404, description = "not found")))]
pub async fn show_upload(
    cx: ImagesContext,
    who: Authed<PushRepository>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
) -> RegistryReply {
    let owner = find_owner_to_push(&who, &name)?;
    Ok(blob_uploads::show_upload(&cx, &owner, &name, upload).await?)
}

/// Append the body to an upload.
#[utoipa::path(patch, path = "/v2/{space}/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.upload_append",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"), ("upload" = String, Path, description = "id of the upload")),
    responses((status = 202, description = "appended"), (status = 404, description = "not found"), (status = 413, description = "too large"),
        (status = 416, description = "out of order")))]
pub async fn append_upload(
    cx: ImagesContext,
    who: Authed<PushRepository>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> RegistryReply {
    let owner = find_owner_to_push(&who, &name)?;
    Ok(blob_uploads::append_upload(&cx, &owner, &name, upload, &headers, body).await?)
}

/// Finish an upload. The blob is created if its content has the given digest.
#[utoipa::path(put, path = "/v2/{space}/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.upload_finish",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"), ("upload" = String, Path, description = "id of the upload")),
    responses((status = 201, description = "the blob is stored"), (status = 400, description = "the content has another digest"), (status = 404, description = "not found"),
        (status = 413, description = "too large"), (status = 416, description = "out of order")))]
pub async fn finish_upload(
    cx: ImagesContext,
    who: Authed<PushRepository>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
    LenientQuery(finish): LenientQuery<FinishUploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> RegistryReply {
    let owner = find_owner_to_push(&who, &name)?;
    Ok(blob_uploads::finish_upload(&cx, &owner, &name, upload, finish, (&headers, body)).await?)
}

/// Cancel an upload.
#[utoipa::path(delete, path = "/v2/{space}/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.upload_cancel",
    params(("space" = String, Path, description = "space of the tool, as tool-TOOL"), ("name" = String, Path, description = "name of the image"), ("upload" = String, Path, description = "id of the upload")),
    responses((status = 204, description = "cancelled"), (status = 404, description = "not found")))]
pub async fn cancel_upload(
    cx: ImagesContext,
    who: Authed<PushRepository>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
) -> RegistryReply {
    let owner = find_owner_to_push(&who, &name)?;
    Ok(blob_uploads::cancel_upload(&cx, &owner, &name, upload).await?)
}

/// Renders a manifest, byte for byte as it was pushed.
pub fn render_manifest(manifest: Manifest) -> Response {
    let Manifest { digest, media_type, content } = manifest;
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_LENGTH, content.len().to_string()),
        (header::ETAG, format!("\"{digest}\"")),
        (DIGEST_HEADER, digest.to_string()),
    ];
    (headers, content).into_response()
}

/// Reads and stores a manifest.
pub async fn store_manifest(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    reference: &ManifestReference,
    (headers, body): (&HeaderMap, Body),
) -> Result<Response> {
    let body = read_body(body, cx.settings.manifest_limit).await?;
    let media_type = read_header(headers, header::CONTENT_TYPE);
    let PushedManifest { digest, subject } =
        manifests::push_manifest(cx, owner, name, reference, media_type, &body).await?;
    let location = format!("/v2/{owner}/{name}/manifests/{digest}");
    let mut response =
        (StatusCode::CREATED, [(header::LOCATION, location), (DIGEST_HEADER, digest.to_string())])
            .into_response();
    if let Some(subject) = subject {
        let subject = subject.to_string().try_into().map_err(Error::internal)?;
        response.headers_mut().insert(SUBJECT_HEADER, subject);
    }
    Ok(response)
}

/// Renders a page of tags; the header `Link` refers to the next page (RFC 8288).
pub async fn render_tag_list(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    query: TagQuery,
) -> Result<Response> {
    let repository = tags::find_repository(cx, owner, name).await?;
    let page_size = query.n.unwrap_or(PageLimit::MAX_ITEMS).min(PageLimit::MAX_ITEMS);
    let tags = if page_size == 0 {
        hearth_base::Page { items: Vec::new(), next: None }
    } else {
        cx.store.list_tags(repository.id, PageLimit::new(page_size)?, query.last.as_deref()).await?
    };
    let names: Vec<String> = tags.items.iter().map(|tag| tag.name.to_string()).collect();
    let body = json!({"name": format!("{owner}/{name}"), "tags": names});
    let mut response = axum::Json(body).into_response();
    if let (Some(_), Some(last)) = (tags.next, names.last()) {
        let link = format!("</v2/{owner}/{name}/tags/list?n={page_size}&last={last}>; rel=\"next\"");
        response.headers_mut().insert(header::LINK, link.try_into().map_err(Error::internal)?);
    }
    Ok(response)
}

/// Builds the owner of the repository from the tool that the guard found in the path. A build reaches only the image
/// that it makes.
pub fn find_repository_owner<R: Right<Grant = ImageCaller>>(
    who: &Authed<R>,
    name: &ImageName,
) -> Result<RepositoryOwner> {
    let ImageCaller { member, image } = &**who;
    if image.as_ref().is_some_and(|image| image != name) {
        let what = format!("the credential of a build does not reach the image {name}");
        return Err(Error::forbidden("other-image", what)
            .help("push to the image that the announcement of the build names"));
    }
    Ok(RepositoryOwner::Tool(member.id, member.name.clone()))
}

/// The same for pushes. The names of repeated images and of images of previews are reserved: only the credential of their
/// build reaches them, so that it moves no tag of an image that somebody else pushed.
fn find_owner_to_push(who: &Authed<PushRepository>, name: &ImageName) -> Result<RepositoryOwner> {
    if who.image.is_none() && is_reserved_image_name(name) {
        let what = format!(
            "the name {name} is reserved: only hearth build reproduce and builds of previews make images of such names"
        );
        return Err(Error::forbidden("reserved-image-name", what).help("push under another name"));
    }
    find_repository_owner(who, name)
}

/// The same for deletions, which no build may make.
fn find_owner_to_delete<R: Right<Grant = ImageCaller>>(
    who: &Authed<R>,
    name: &ImageName,
) -> Result<RepositoryOwner> {
    if who.image.is_some() {
        let what = "the credential of a build cannot delete";
        return Err(Error::forbidden("build-deletes", what).help("delete as a maintainer of the tool"));
    }
    find_repository_owner(who, name)
}
