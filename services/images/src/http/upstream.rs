//! Registry endpoint for images of upstream registries: `/v2/upstream/NAME/REPOSITORY/…`. Nothing can be pushed to it.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Caller, Error, Result};
use hearth_kit::{ApiError, Authed, Param};
use serde_json::json;

use super::{
    blob_response,
    headers::{DIGEST_HEADER, STALE_IMAGE_HEADER},
    registry::{RegistryReply, TagQuery, render_manifest},
    request_parts::LenientQuery,
};
use crate::{
    app::upstreams::{
        blobs::{self, UpstreamBlob},
        manifests::{self, PulledManifest, WantedManifest},
        tag_lists::{self, TagPage},
    },
    context::ImagesContext,
    names::TagName,
    rights::PullUpstreamImages,
    upstream::{RetryAfter, Upstream, UpstreamName, UpstreamPath, UpstreamRepository, UpstreamResource},
};

/// Get a manifest, a blob or the tags of a repository of an upstream registry:
/// `REPOSITORY/manifests/REFERENCE`, `REPOSITORY/blobs/DIGEST`, `REPOSITORY/tags/list`. The answer comes from this
/// Hearth's copy if there is one. With `hearth-stale` the upstream registry does not answer, and the tag may have moved.
#[utoipa::path(get, path = "/v2/upstream/{upstream}/{*path}", tag = "registry", operation_id = "registry.upstream",
    params(("upstream" = String, Path, description = "name of the upstream registry"),
        ("*path" = String, Path, description = "path below the upstream, with slashes")),
    responses((status = 200, description = "the manifest, the blob or the list", content_type = "application/octet-stream"),
        (status = 206, description = "the requested range"), (status = 400, description = "a name is invalid"),
        (status = 403, description = "the upstream refuses, or the operator does not allow the repository"),
        (status = 404, description = "not found"), (status = 416, description = "the range is outside the blob"),
        (status = 429, description = "the upstream has had too many requests"),
        (status = 503, description = "the upstream does not answer"), (status = 504, description = "the upstream does not answer in time")))]
pub async fn pull_content(
    cx: ImagesContext,
    who: Authed<PullUpstreamImages>,
    Param(name): Param<UpstreamName>,
    Param(path): Param<UpstreamPath>,
    LenientQuery(page): LenientQuery<TagQuery>,
    method: Method,
    headers: HeaderMap,
) -> RegistryReply {
    let UpstreamPath { repository, resource } = path;
    let upstream = Upstream::find_configured(&cx.settings.upstreams, &name)?;
    upstream.check_repository(&repository)?;
    let caller = format_caller_key(&who.caller);
    let pulled = match resource {
        UpstreamResource::Manifest(reference) => {
            let (upstream, repository) = (&upstream, &repository);
            let wanted = WantedManifest { upstream, repository, reference: &reference, caller: &caller };
            manifests::find_manifest(&cx, wanted).await.map(render_pulled)
        }
        UpstreamResource::Blob(digest) => {
            match blobs::find_blob(&cx, &upstream, (&repository, digest), caller).await {
                Ok(blob) => render_blob(&cx, digest, blob, (&method, &headers)).await,
                Err(error) => Err(error),
            }
        }
        UpstreamResource::Tags => list_tags(&cx, &upstream, &repository, &caller, page).await,
    };
    pulled.or_else(render_upstream_error)
}

fn render_pulled(PulledManifest { manifest, is_stale }: PulledManifest) -> Response {
    let mut response = render_manifest(manifest);
    if is_stale {
        response.headers_mut().insert(STALE_IMAGE_HEADER, HeaderValue::from_static("true"));
    }
    response
}

/// Renders a blob: from the store, or as it arrives. A part of one that arrives is rendered once it is stored.
async fn render_blob(
    cx: &ImagesContext,
    digest: hearth_base::Digest,
    blob: UpstreamBlob,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response> {
    let is_part = *method == Method::GET && headers.contains_key(header::RANGE);
    let (reader, size) = match blob {
        UpstreamBlob::Stored(content) => {
            return blob_response::render_blob(cx, content, method, headers).await;
        }
        UpstreamBlob::Fetching { reader, .. } if is_part => {
            let content = blobs::wait_for_blob(digest, reader).await?;
            return blob_response::render_blob(cx, content, method, headers).await;
        }
        UpstreamBlob::Fetching { reader, size } => (reader, size),
    };
    let body = match *method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(reader.into_stream(cx.blobs.clone())),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::ETAG, format!("\"{digest}\"")),
        (DIGEST_HEADER, digest.to_string()),
    ];
    let mut response = (headers, body).into_response();
    if let Some(size) = size {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    }
    Ok(response)
}

/// Renders a page of tags; the header `Link` refers to the next page.
async fn list_tags(
    cx: &ImagesContext,
    upstream: &Upstream<'_>,
    repository: &UpstreamRepository,
    caller: &str,
    TagQuery { n, last }: TagQuery,
) -> Result<Response> {
    let last: Option<TagName> = last.map(|last| last.parse()).transpose()?;
    let TagPage { tags, has_more } =
        tag_lists::list_tags(cx, upstream, repository, caller, (n, last.as_ref())).await?;
    let name = upstream.format_name(repository);
    let names: Vec<&str> = tags.iter().map(TagName::as_str).collect();
    let mut response = axum::Json(json!({"name": name, "tags": names})).into_response();
    if let (true, Some(last)) = (has_more, names.last()) {
        let count = n.map(|count| format!("n={count}&")).unwrap_or_default();
        let link = format!("</v2/{name}/tags/list?{count}last={last}>; rel=\"next\"");
        response.headers_mut().insert(header::LINK, link.try_into().map_err(Error::internal)?);
    }
    Ok(response)
}

/// Renders an error with the time after which the upstream answers again, where it names one.
fn render_upstream_error(error: Error) -> RegistryReply {
    let retry_after = error.cause().and_then(|cause| cause.downcast_ref::<RetryAfter>()).copied();
    let mut response = ApiError(error).into_response();
    if let Some(RetryAfter(seconds)) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// Formats the key by which callers share the fetches.
fn format_caller_key(caller: &Caller) -> String {
    match caller {
        Caller::User { id, .. } => id.to_string(),
        Caller::Tool { id, .. } => id.to_string(),
        Caller::Build { tool, .. } => tool.to_string(),
        _ => String::new(),
    }
}
