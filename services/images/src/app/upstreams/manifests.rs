//! Manifests of upstreams, by digest or tag.

use std::time::Duration;

use axum::http::Method;
use futures::{TryStreamExt, stream};
use hearth_base::{BlobId, Digest, Error, ErrorKind, Result};
use hearth_kit::{blobs::WrittenBlob, log_error, outbound::FetchLimits};
use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};

use super::{acquire_question_permit, build_busy_error, eviction, find_stored, format_image, store_content};
use crate::{
    app::manifest_format,
    context::ImagesContext,
    names::{ManifestReference, TagName},
    store::{Manifest, UpstreamContent, UpstreamTag},
    upstream::{Upstream, UpstreamRepository, UpstreamRequest, build_invalid_answer_error, is_upstream_away},
};

/// Media types that are asked for.
const MANIFEST_MEDIA_TYPES: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";
/// Header with the digest of an answer's content.
const CONTENT_DIGEST_HEADER: &str = "docker-content-digest";
/// Time for a manifest.
const MANIFEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest time for which a tag is served without the upstream's answer.
const MAX_STALE_AGE: SignedDuration = SignedDuration::from_hours(24);

/// A manifest that a caller wants.
#[derive(Clone, Copy)]
pub struct WantedManifest<'a> {
    pub upstream: &'a Upstream<'a>,
    pub repository: &'a UpstreamRepository,
    pub reference: &'a ManifestReference,
    /// Key by which the requests of a caller share the permits.
    pub caller: &'a str,
}

/// A manifest of an upstream.
pub struct PulledManifest {
    pub manifest: Manifest,
    /// True when the upstream did not answer, and the tag may have moved within a day.
    pub is_stale: bool,
}

/// Finds a manifest of an upstream.
///
/// Errors: `manifest-unknown` (not found), and those of [`UpstreamClient::open`](crate::upstream::UpstreamClient::open).
pub async fn find_manifest(cx: &ImagesContext, wanted: WantedManifest<'_>) -> Result<PulledManifest> {
    let WantedManifest { upstream, repository, reference, .. } = wanted;
    // Callers that want the same manifest wait here, and then find it stored.
    let key = (upstream.name.clone(), repository.clone(), reference.to_string());
    let _turn = cx.upstreams.manifest_turns.acquire(key).await.map_err(|_| build_busy_error())?;
    match reference {
        ManifestReference::Digest(digest) => {
            let manifest = match read_stored(cx, upstream, *digest).await? {
                Some(manifest) => manifest,
                None => fetch_manifest(cx, wanted).await?,
            };
            Ok(PulledManifest { manifest, is_stale: false })
        }
        ManifestReference::Tag(tag) => find_tagged_manifest(cx, wanted, tag).await,
    }
}

async fn find_tagged_manifest(
    cx: &ImagesContext,
    wanted: WantedManifest<'_>,
    tag: &TagName,
) -> Result<PulledManifest> {
    let WantedManifest { upstream, repository, .. } = wanted;
    let known = cx.store.find_upstream_tag(upstream.name, repository, tag).await?;
    let stored = match known {
        Some(known) => read_stored(cx, upstream, known.digest).await?.map(|manifest| (known, manifest)),
        None => None,
    };
    let Some((known, stored)) = stored else {
        let manifest = fetch_manifest(cx, wanted).await?;
        record_tag(cx, upstream, (repository, tag), manifest.digest).await?;
        return Ok(PulledManifest { manifest, is_stale: false });
    };
    let fresh = SignedDuration::from_secs(i64::from(upstream.settings.fresh_seconds));
    let age = cx.now().duration_since(known.checked_at);
    if age < fresh {
        return Ok(PulledManifest { manifest: stored, is_stale: false });
    }
    match find_current_manifest(cx, wanted, &stored).await {
        Ok(manifest) => {
            record_tag(cx, upstream, (repository, tag), manifest.digest).await?;
            Ok(PulledManifest { manifest, is_stale: false })
        }
        Err(error) if is_upstream_away(&error) && age < MAX_STALE_AGE => {
            log_error!(&error, upstream = %upstream.name, image = %format_args!("{repository}:{tag}"),
                "upstream registry does not answer; the stored image is served");
            Ok(PulledManifest { manifest: stored, is_stale: true })
        }
        Err(error) => {
            if error.kind() == ErrorKind::NotFound {
                let tx = cx.store.begin().await?;
                cx.store.delete_upstream_tag(&tx, upstream.name, (repository, tag)).await?;
                tx.commit().await?;
            }
            Err(error)
        }
    }
}

/// Asks the upstream for a tag's manifest, and fetches it if it is not the stored one.
async fn find_current_manifest(
    cx: &ImagesContext,
    wanted: WantedManifest<'_>,
    stored: &Manifest,
) -> Result<Manifest> {
    if fetch_remote_digest(cx, wanted).await? == Some(stored.digest) {
        return Ok(stored.clone());
    }
    fetch_manifest(cx, wanted).await
}

async fn record_tag(
    cx: &ImagesContext,
    upstream: &Upstream<'_>,
    key: (&UpstreamRepository, &TagName),
    digest: Digest,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    let tag = UpstreamTag { digest, checked_at: cx.now() };
    cx.store.put_upstream_tag(&tx, upstream.name, key, tag).await?;
    tx.commit().await
}

/// Reads a stored manifest.
async fn read_stored(
    cx: &ImagesContext,
    upstream: &Upstream<'_>,
    digest: Digest,
) -> Result<Option<Manifest>> {
    let Some(UpstreamContent { blob, media_type: Some(media_type), .. }) =
        find_stored(cx, upstream, digest).await?
    else {
        return Ok(None);
    };
    // Content that is missing, such as after a restore without the blobs, is fetched again.
    let Some(stream) = cx.blobs.read(blob, None).await? else { return Ok(None) };
    let content: Vec<u8> = stream
        .try_fold(Vec::new(), async |mut all, bytes| {
            all.extend_from_slice(&bytes);
            Ok(all)
        })
        .await?;
    Ok(Some(Manifest { digest, media_type, content }))
}

fn build_request<'a>(
    cx: &ImagesContext,
    method: Method,
    WantedManifest { repository, reference, .. }: WantedManifest<'a>,
) -> UpstreamRequest<'a> {
    let max_bytes = usize::try_from(cx.settings.manifest_limit).unwrap_or(usize::MAX);
    UpstreamRequest {
        method,
        repository,
        resource: format!("manifests/{reference}"),
        accept: MANIFEST_MEDIA_TYPES,
        wanted: format_image(repository, reference),
        unknown_code: "manifest-unknown",
        limits: FetchLimits { max_bytes, timeout: MANIFEST_TIMEOUT },
    }
}

/// Asks the upstream for the digest of a manifest; `None` when its answer has none.
async fn fetch_remote_digest(cx: &ImagesContext, wanted: WantedManifest<'_>) -> Result<Option<Digest>> {
    let request = build_request(cx, Method::HEAD, wanted);
    let _permit = acquire_question_permit(cx, wanted.caller).await?;
    let answer = cx.upstreams.client.open_resource(wanted.upstream, &request, cx.now()).await?;
    let digest = answer.headers.get(CONTENT_DIGEST_HEADER).and_then(|value| value.to_str().ok());
    Ok(digest.and_then(|digest| digest.parse().ok()))
}

/// Fetches a manifest, checks it and stores it.
async fn fetch_manifest(cx: &ImagesContext, wanted: WantedManifest<'_>) -> Result<Manifest> {
    let WantedManifest { upstream, reference, caller, .. } = wanted;
    let request = build_request(cx, Method::GET, wanted);
    let _permit = acquire_question_permit(cx, caller).await?;
    let mut answer = cx.upstreams.client.open_resource(upstream, &request, cx.now()).await?;
    let mut content = Vec::new();
    while let Some(chunk) = answer.next_chunk().await? {
        content.extend_from_slice(&chunk);
    }
    let read = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let digest = Digest::new(Sha256::digest(&content).into());
    let announced = read(CONTENT_DIGEST_HEADER).and_then(|digest| digest.parse::<Digest>().ok());
    let wanted = if let ManifestReference::Digest(wanted) = reference { Some(*wanted) } else { announced };
    if let Some(wanted) = wanted.filter(|wanted| *wanted != digest) {
        let why = format!("the digest of the {} is {digest}; expected {wanted}", request.wanted);
        return Err(build_invalid_answer_error(upstream, &why));
    }
    let parsed = manifest_format::parse_manifest(read("content-type"), &content);
    let (media_type, _) = parsed.map_err(|cause| {
        build_invalid_answer_error(upstream, &format!("the {}: {cause}", request.wanted)).with_cause(cause)
    })?;
    let manifest = Manifest { digest, media_type, content };
    store_manifest(cx, upstream, &manifest).await?;
    Ok(manifest)
}

async fn store_manifest(cx: &ImagesContext, upstream: &Upstream<'_>, manifest: &Manifest) -> Result<()> {
    let blob: BlobId = cx.generate_id();
    let bytes = bytes::Bytes::copy_from_slice(&manifest.content);
    let content = stream::iter([Ok::<_, Error>(bytes)]);
    let WrittenBlob { digest, size } = cx.blobs.write(blob, content, cx.settings.manifest_limit).await?;
    let (media_type, last_used) = (Some(manifest.media_type.clone()), cx.now());
    store_content(cx, upstream, &UpstreamContent { digest, blob, size, media_type, last_used }).await?;
    eviction::make_room(cx, upstream).await.map(drop)
}
