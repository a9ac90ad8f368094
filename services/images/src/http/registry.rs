//! The registry of tools' images (OCI distribution specification): `/v2/tool-TOOL/NAME/…`.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Digest, Error, Limit, Result, UploadId};
use hearth_kit::{Authed, Param, Refused, Right, guard::Member};
use serde::Deserialize;
use serde_json::json;

use super::{
    blob,
    headers::DIGEST,
    push::{self, Begin, Finish},
    query::{Loose, text, whole},
};
use crate::{
    app::{blobs, manifests, tags},
    cx::Cx,
    names::{ImageName, Reference, Space},
    rights::{Open, Pull, PullProvided, Push},
    store::Manifest,
};

pub type Reply = Result<Response, Refused>;

/// Which tags are wanted: at most `n`, behind `last`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TagQuery {
    n: Option<u32>,
    last: Option<String>,
}

/// A token for whoever shows one as the password of Basic. The gateway answers it, which alone sees passwords.
#[utoipa::path(get, path = "/v2/token", tag = "registry", operation_id = "registry.token",
    responses((status = 200, description = "the token"), (status = 401, description = "no password, or no good one")))]
pub async fn token(_: Authed<Open>) -> Reply {
    let what = "the gateway answers this endpoint, and was not asked";
    Err(Refused(Error::unavailable("no-gateway", what).help("ask at the address of this Hearth's door")))
}

/// Whether this is a registry, and somebody is signed in.
#[utoipa::path(get, path = "/v2", tag = "registry", operation_id = "registry.root",
    responses((status = 200, description = "it is")))]
pub async fn root(_: Authed<PullProvided>) -> Response {
    let version = HeaderName::from_static("docker-distribution-api-version");
    ([(version, "registry/2.0")], axum::Json(json!({}))).into_response()
}

/// A blob, or a part of it.
#[utoipa::path(get, path = "/v2/{space}/{name}/blobs/{digest}", tag = "registry", operation_id = "registry.blob",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it"), ("digest" = String, Path, description = "of the blob")),
    responses((status = 200, description = "the blob", content_type = "application/octet-stream"),
        (status = 206, description = "the part asked for"), (status = 404, description = "there is no such thing"), (status = 416, description = "no such part")))]
pub async fn blob(
    cx: Cx,
    who: Authed<Pull>,
    Param(name): Param<ImageName>,
    Param(digest): Param<Digest>,
    method: Method,
    headers: HeaderMap,
) -> Reply {
    let space = space(&who);
    let content = blobs::find(&cx, &space, &name, digest).await?;
    Ok(blob::answer(&cx, content, &method, &headers).await?)
}

/// Take a blob from a repository.
#[utoipa::path(delete, path = "/v2/{space}/{name}/blobs/{digest}", tag = "registry", operation_id = "registry.blob_delete",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it"), ("digest" = String, Path, description = "of the blob")),
    responses((status = 202, description = "taken"), (status = 404, description = "there is no such thing"), (status = 409, description = "a manifest needs it")))]
pub async fn blob_delete(
    cx: Cx,
    who: Authed<Push>,
    Param(name): Param<ImageName>,
    Param(digest): Param<Digest>,
) -> Reply {
    let space = space(&who);
    blobs::delete(&cx, &space, &name, digest).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// A manifest by its tag or digest.
#[utoipa::path(get, path = "/v2/{space}/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.manifest",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 200, description = "the manifest, to the byte"), (status = 404, description = "there is no such thing")))]
pub async fn manifest(
    cx: Cx,
    who: Authed<Pull>,
    Param(name): Param<ImageName>,
    Param(reference): Param<Reference>,
) -> Reply {
    let space = space(&who);
    let manifest = manifests::find(&cx, &space, &name, &reference).await?;
    Ok(content(manifest))
}

/// Push a manifest under a tag or its digest.
#[utoipa::path(put, path = "/v2/{space}/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.manifest_put",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 201, description = "kept"), (status = 400, description = "no manifest, or not of that digest"),
        (status = 404, description = "a blob is missing"), (status = 413, description = "too large")))]
pub async fn manifest_put(
    cx: Cx,
    who: Authed<Push>,
    Param(name): Param<ImageName>,
    Param(reference): Param<Reference>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let space = space(&who);
    Ok(keep(&cx, &space, &name, &reference, (&headers, body)).await?)
}

/// Take a tag away, or a manifest with all its tags.
#[utoipa::path(delete, path = "/v2/{space}/{name}/manifests/{reference}", tag = "registry", operation_id = "registry.manifest_delete",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it"), ("reference" = String, Path, description = "a tag or a digest")),
    responses((status = 202, description = "taken"), (status = 404, description = "there is no such thing"), (status = 409, description = "it is in use")))]
pub async fn manifest_delete(
    cx: Cx,
    who: Authed<Push>,
    Param(name): Param<ImageName>,
    Param(reference): Param<Reference>,
) -> Reply {
    let space = space(&who);
    manifests::delete(&cx, &space, &name, &reference).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// The tags of an image, by name.
#[utoipa::path(get, path = "/v2/{space}/{name}/tags/list", tag = "registry", operation_id = "registry.tags",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it")),
    responses((status = 200, description = "the tags"), (status = 404, description = "there is no such thing")))]
pub async fn tags(
    cx: Cx,
    who: Authed<Pull>,
    Param(name): Param<ImageName>,
    Loose(page): Loose<TagQuery>,
) -> Reply {
    let space = space(&who);
    Ok(tag_list(&cx, &space, &name, page).await?)
}

/// Begin an upload; or mount a blob that is here already.
#[utoipa::path(post, path = "/v2/{space}/{name}/blobs/uploads", tag = "registry", operation_id = "registry.upload_begin",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it")),
    responses((status = 202, description = "begun: go on at Location"), (status = 201, description = "the blob is here"),
        (status = 400, description = "no digest, or not that of the body"), (status = 413, description = "too large")))]
pub async fn upload_begin(
    cx: Cx,
    who: Authed<Push>,
    Param(name): Param<ImageName>,
    Loose(begin): Loose<Begin>,
    body: Body,
) -> Reply {
    let space = space(&who);
    Ok(push::begin(&cx, &space, &name, begin, body).await?)
}

/// How far an upload is.
#[utoipa::path(get, path = "/v2/{space}/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.upload_state",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it"), ("upload" = String, Path, description = "from the answer that began it")),
    responses((status = 204, description = "in the header Range"), (status = 404, description = "there is no such thing")))]
pub async fn upload_state(
    cx: Cx,
    who: Authed<Push>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
) -> Reply {
    let space = space(&who);
    Ok(push::show(&cx, &space, &name, upload).await?)
}

/// Add the body to an upload.
#[utoipa::path(patch, path = "/v2/{space}/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.upload_append",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it"), ("upload" = String, Path, description = "from the answer that began it")),
    responses((status = 202, description = "added"), (status = 404, description = "there is no such thing"), (status = 413, description = "too large"),
        (status = 416, description = "out of order")))]
pub async fn upload_append(
    cx: Cx,
    who: Authed<Push>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let space = space(&who);
    Ok(push::append(&cx, &space, &name, upload, &headers, body).await?)
}

/// End an upload: the blob is there if it has that digest.
#[utoipa::path(put, path = "/v2/{space}/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.upload_finish",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it"), ("upload" = String, Path, description = "from the answer that began it")),
    responses((status = 201, description = "the blob is there"), (status = 400, description = "not of that digest"), (status = 404, description = "there is no such thing"),
        (status = 413, description = "too large"), (status = 416, description = "out of order")))]
pub async fn upload_finish(
    cx: Cx,
    who: Authed<Push>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
    Loose(finish): Loose<Finish>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let space = space(&who);
    Ok(push::finish(&cx, &space, &name, upload, finish, (&headers, body)).await?)
}

/// Give an upload up.
#[utoipa::path(delete, path = "/v2/{space}/{name}/blobs/uploads/{upload}", tag = "registry", operation_id = "registry.upload_cancel",
    params(("space" = String, Path, description = "tool-TOOL"), ("name" = String, Path, description = "the image within it"), ("upload" = String, Path, description = "from the answer that began it")),
    responses((status = 204, description = "given up"), (status = 404, description = "there is no such thing")))]
pub async fn upload_cancel(
    cx: Cx,
    who: Authed<Push>,
    Param(name): Param<ImageName>,
    Param(upload): Param<UploadId>,
) -> Reply {
    let space = space(&who);
    Ok(push::cancel(&cx, &space, &name, upload).await?)
}

/// A manifest as it was pushed.
pub fn content(manifest: Manifest) -> Response {
    let Manifest { digest, media_type, content } = manifest;
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_LENGTH, content.len().to_string()),
        (header::ETAG, format!("\"{digest}\"")),
        (DIGEST, digest.to_string()),
    ];
    (headers, content).into_response()
}

/// Keeps a manifest.
pub async fn keep(
    cx: &Cx,
    space: &Space,
    name: &ImageName,
    reference: &Reference,
    (headers, body): (&HeaderMap, Body),
) -> Result<Response> {
    let body = whole(body, cx.settings.manifest_limit).await?;
    let media_type = text(headers, header::CONTENT_TYPE);
    let digest = manifests::put(cx, space, name, reference, media_type, &body).await?;
    let place = format!("/v2/{space}/{name}/manifests/{digest}");
    Ok((StatusCode::CREATED, [(header::LOCATION, place), (DIGEST, digest.to_string())]).into_response())
}

/// A page of tags; where the next begins is in the header `Link` (RFC 8288).
pub async fn tag_list(cx: &Cx, space: &Space, name: &ImageName, query: TagQuery) -> Result<Response> {
    let repository = tags::repository(cx, space, name).await?;
    let most = query.n.unwrap_or(Limit::MAX).min(Limit::MAX);
    let tags = if most == 0 {
        hearth_base::Page { items: Vec::new(), next: None }
    } else {
        cx.store.tag_list(repository.id, Limit::new(most)?, query.last.as_deref()).await?
    };
    let names: Vec<String> = tags.items.iter().map(|tag| tag.name.to_string()).collect();
    let body = json!({"name": format!("{space}/{name}"), "tags": names});
    let mut response = axum::Json(body).into_response();
    if let (Some(_), Some(last)) = (tags.next, names.last()) {
        let link = format!("</v2/{space}/{name}/tags/list?n={most}&last={last}>; rel=\"next\"");
        response.headers_mut().insert(header::LINK, link.try_into().map_err(Error::internal)?);
    }
    Ok(response)
}

/// The space of the tool that the path names, as the guard found it.
fn space<R: Right<Grant = Member>>(who: &Authed<R>) -> Space {
    Space::Tool(who.id, who.name.clone())
}
