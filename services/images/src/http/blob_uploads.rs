//! Blob uploads, for provided repositories and those of tools (OCI distribution specification, "Pushing
//! blobs").

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt};
use hearth_base::{Digest, Error, Result, UploadId};
use serde::Deserialize;

use super::{headers::DIGEST_HEADER, request_parts::parse_chunk_start};
use crate::{
    app::{
        image_reference::{ImageReference, parse_image_reference},
        incoming::UploadBody,
        uploads::{self, MountSource},
    },
    context::ImagesContext,
    names::{ImageName, PROVIDED_OWNER, RepositoryOwner},
    store::{Repository, Upload},
};

/// Query of a request that begins an upload.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BeginUploadQuery {
    /// Digest of a blob that is already in the repository `from`, or without it in one that the caller may read.
    mount: Option<String>,
    from: Option<String>,
    /// Digest of the body, when the body is the whole blob.
    digest: Option<String>,
}

impl BeginUploadQuery {
    /// Leaves out a mount from another repository than a provided one: the client uploads the blob then.
    #[must_use]
    pub fn restrict_to_provided(self) -> Self {
        let is_provided = self
            .from
            .as_deref()
            .is_some_and(|from| from.strip_prefix(PROVIDED_OWNER).is_some_and(|rest| rest.starts_with('/')));
        Self { mount: self.mount.filter(|_| is_provided), ..self }
    }
}

/// Query of a request that finishes an upload.
#[derive(Debug, Deserialize)]
pub struct FinishUploadQuery {
    digest: String,
}

/// Begins an upload. Without one, a blob that the registry has is mounted, and a blob in the body is stored
/// at once.
pub async fn begin_upload(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    begin: BeginUploadQuery,
    body: Body,
) -> Result<Response> {
    let BeginUploadQuery { mount, from, digest } = begin;
    if let Some(mount) = mount {
        let digest = mount.parse()?;
        let source = match from {
            Some(from) => find_mount_source(cx, owner, &from).await?.map(MountSource::Repository),
            None => Some(MountSource::Readable),
        };
        if let Some(source) = source
            && uploads::mount_blob(cx, owner, name, digest, &source).await?
        {
            return render_created_blob(owner, name, digest);
        }
    }
    let upload = uploads::begin_upload(cx, owner, name).await?;
    let Some(digest) = digest else { return render_upload(StatusCode::ACCEPTED, owner, name, &upload) };
    let digest: Digest = digest.parse()?;
    let upload = uploads::append_body(cx, owner, upload, None, stream_body(body)).await?;
    uploads::finish_upload(cx, owner, upload, digest).await?;
    render_created_blob(owner, name, digest)
}

/// Renders the state of an upload.
pub async fn show_upload(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    id: UploadId,
) -> Result<Response> {
    let upload = uploads::find_upload(cx, owner, name, id).await?;
    render_upload(StatusCode::NO_CONTENT, owner, name, &upload)
}

/// Appends the body to an upload. Out of order, the error says how many bytes the upload has.
pub async fn append_upload(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    id: UploadId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response> {
    let upload = uploads::find_upload(cx, owner, name, id).await?;
    let start = parse_chunk_start(headers)?;
    let upload = uploads::append_body(cx, owner, upload, start, stream_body(body)).await?;
    render_upload(StatusCode::ACCEPTED, owner, name, &upload)
}

/// Appends the body, and finishes the upload.
pub async fn finish_upload(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    id: UploadId,
    finish: FinishUploadQuery,
    (headers, body): (&HeaderMap, Body),
) -> Result<Response> {
    let digest = finish.digest.parse()?;
    let upload = uploads::find_upload(cx, owner, name, id).await?;
    let start = parse_chunk_start(headers)?;
    let upload = uploads::append_body(cx, owner, upload, start, stream_body(body)).await?;
    uploads::finish_upload(cx, owner, upload, digest).await?;
    render_created_blob(owner, name, digest)
}

/// Cancels an upload.
pub async fn cancel_upload(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    id: UploadId,
) -> Result<Response> {
    let upload = uploads::find_upload(cx, owner, name, id).await?;
    uploads::cancel_upload(cx, upload).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Finds the repository that a cross-repository mount names, if a push by `owner` may read it: a repository
/// of the same owner, or a provided one.
async fn find_mount_source(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    from: &str,
) -> Result<Option<Repository>> {
    // No error: the client uploads a blob that cannot be mounted (specification, "Mounting a blob").
    let Ok(ImageReference::Full { tool, name, .. }) = parse_image_reference(from, &[]) else {
        return Ok(None);
    };
    let owner_key = match (&tool, owner) {
        (None, _) => RepositoryOwner::Provided.owner_key(),
        (Some(tool), RepositoryOwner::Tool(_, own)) if tool == own => owner.owner_key(),
        _ => return Ok(None),
    };
    cx.store.find_repository(&owner_key, &name).await
}

fn stream_body(body: Body) -> UploadBody {
    let length = body.size_hint().exact();
    UploadBody { content: body.into_data_stream().map_err(Into::into).boxed(), length }
}

fn render_upload(
    status: StatusCode,
    owner: &RepositoryOwner,
    name: &ImageName,
    upload: &Upload,
) -> Result<Response> {
    let Upload { id, size, .. } = upload;
    let mut response =
        (status, [(header::LOCATION, format!("/v2/{owner}/{name}/blobs/uploads/{id}"))]).into_response();
    let headers = response.headers_mut();
    // The specification wants the number of the last byte; for an empty upload that is 0 too.
    let range = format!("0-{}", size.saturating_sub(1));
    headers.insert(header::RANGE, range.try_into().map_err(Error::internal)?);
    headers.insert("docker-upload-uuid", id.to_string().try_into().map_err(Error::internal)?);
    Ok(response)
}

fn render_created_blob(owner: &RepositoryOwner, name: &ImageName, digest: Digest) -> Result<Response> {
    let location = format!("/v2/{owner}/{name}/blobs/{digest}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location), (DIGEST_HEADER, digest.to_string())])
        .into_response())
}
