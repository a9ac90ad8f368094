//! Uploads of blobs, for either space (OCI distribution specification, "Pushing blobs").

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt};
use hearth_base::{Digest, Error, Result, UploadId};
use serde::Deserialize;

use super::{headers::DIGEST, query::chunk_start};
use crate::{
    app::{
        meaning::{Meaning, meaning},
        uploads::{self, Incoming},
    },
    cx::Cx,
    names::{ImageName, Space},
    store::{Repository, Upload},
};

/// How an upload can begin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Begin {
    /// The digest of a blob that is already in the repository `from`.
    mount: Option<String>,
    from: Option<String>,
    /// The digest of the body, when that is the whole blob.
    digest: Option<String>,
}

/// How an upload ends.
#[derive(Debug, Deserialize)]
pub struct Finish {
    digest: String,
}

/// Begins an upload; or gets by without one, because the blob is here already or comes with the request.
pub async fn begin(cx: &Cx, space: &Space, name: &ImageName, begin: Begin, body: Body) -> Result<Response> {
    let Begin { mount, from, digest } = begin;
    if let (Some(mount), Some(from)) = (mount, from) {
        let (digest, from) = (mount.parse()?, readable(cx, space, &from).await?);
        if uploads::mount(cx, space, name, digest, from.as_ref()).await?.is_some() {
            return made(space, name, digest);
        }
    }
    let upload = uploads::begin(cx, space, name).await?;
    let Some(digest) = digest else { return state(StatusCode::ACCEPTED, space, name, &upload) };
    let digest: Digest = digest.parse()?;
    let upload = uploads::append(cx, upload, None, incoming(body)).await?;
    uploads::finish(cx, upload, digest).await?;
    made(space, name, digest)
}

/// How far an upload is.
pub async fn show(cx: &Cx, space: &Space, name: &ImageName, id: UploadId) -> Result<Response> {
    let upload = uploads::find(cx, space, name, id).await?;
    state(StatusCode::NO_CONTENT, space, name, &upload)
}

/// Adds the body to an upload. When it does not follow on what is there, the answer says what does.
pub async fn append(
    cx: &Cx,
    space: &Space,
    name: &ImageName,
    id: UploadId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response> {
    let upload = uploads::find(cx, space, name, id).await?;
    let upload = uploads::append(cx, upload, chunk_start(headers)?, incoming(body)).await?;
    state(StatusCode::ACCEPTED, space, name, &upload)
}

/// Adds the body, and ends the upload.
pub async fn finish(
    cx: &Cx,
    space: &Space,
    name: &ImageName,
    id: UploadId,
    finish: Finish,
    (headers, body): (&HeaderMap, Body),
) -> Result<Response> {
    let digest = finish.digest.parse()?;
    let upload = uploads::find(cx, space, name, id).await?;
    let upload = uploads::append(cx, upload, chunk_start(headers)?, incoming(body)).await?;
    uploads::finish(cx, upload, digest).await?;
    made(space, name, digest)
}

/// Gives an upload up.
pub async fn cancel(cx: &Cx, space: &Space, name: &ImageName, id: UploadId) -> Result<Response> {
    let upload = uploads::find(cx, space, name, id).await?;
    uploads::cancel(cx, upload).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The repository that a mount names, if a push to `space` may read it: one of the same space, or a provided one.
async fn readable(cx: &Cx, space: &Space, from: &str) -> Result<Option<Repository>> {
    // What cannot be mounted, for whatever reason, is uploaded.
    let Ok(Meaning::Full { tool, name, .. }) = meaning(from, &[]) else { return Ok(None) };
    let owner = match (&tool, space) {
        (None, _) => Space::Provided.owner(),
        (Some(tool), Space::Tool(_, own)) if tool == own => space.owner(),
        _ => return Ok(None),
    };
    cx.store.repository(&owner, &name).await
}

fn incoming(body: Body) -> Incoming {
    body.into_data_stream().map_err(Into::into).boxed()
}

fn state(status: StatusCode, space: &Space, name: &ImageName, upload: &Upload) -> Result<Response> {
    let Upload { id, size, .. } = upload;
    let mut response =
        (status, [(header::LOCATION, format!("/v2/{space}/{name}/blobs/uploads/{id}"))]).into_response();
    let headers = response.headers_mut();
    // By the specification the last byte's number; of nothing it is 0 too.
    let range = format!("0-{}", size.saturating_sub(1));
    headers.insert(header::RANGE, range.try_into().map_err(Error::internal)?);
    headers.insert("docker-upload-uuid", id.to_string().try_into().map_err(Error::internal)?);
    Ok(response)
}

fn made(space: &Space, name: &ImageName, digest: Digest) -> Result<Response> {
    let place = format!("/v2/{space}/{name}/blobs/{digest}");
    Ok((StatusCode::CREATED, [(header::LOCATION, place), (DIGEST, digest.to_string())]).into_response())
}
