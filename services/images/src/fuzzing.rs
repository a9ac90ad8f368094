//! Entry points for the fuzz targets of `dev/fuzz`: parsers of pushed content.

use axum::http::{HeaderMap, HeaderValue, header};
use hearth_base::{Digest, Result};
use jiff::Timestamp;

use crate::{
    app::{image_config::parse_configuration, manifest_format::parse_manifest, referrers::describe_referrer},
    store::Manifest,
    upstream::{self, Upstream, UpstreamName, UpstreamPath, UpstreamSettings},
};

/// Parses a pushed manifest. Returns its media type with the blobs and manifests that it refers to, its subject among
/// them.
pub fn read_manifest(media_type: Option<&str>, content: &[u8]) -> Result<(String, Vec<Digest>)> {
    let (media_type, parsed) = parse_manifest(media_type, content)?;
    let mut needed = parsed.list_blob_digests()?;
    needed.extend(parsed.list_manifest_digests()?);
    let manifest = Manifest {
        digest: Digest::new([0; 32]),
        media_type: media_type.clone(),
        content: content.to_owned(),
    };
    needed.extend(describe_referrer(&parsed, &manifest)?.map(|referrer| referrer.subject));
    Ok((media_type, needed))
}

/// Parses a pushed image configuration. Returns the number of its variables and of its labels.
pub fn read_configuration(content: &[u8]) -> Result<(usize, usize)> {
    let image = parse_configuration(content)?;
    let Some(config) = image.config() else { return Ok((0, 0)) };
    let variables = config.env().as_ref().map_or(0, Vec::len);
    Ok((variables, config.labels().as_ref().map_or(0, |labels| labels.len())))
}

/// Parses a path below an upstream. Returns the repository, and the path of the resource within it.
pub fn read_upstream_path(path: &str) -> Result<(String, String)> {
    let path: UpstreamPath = path.parse()?;
    Ok((path.repository.to_string(), path.resource.to_string()))
}

/// Parses a challenge of an upstream with an encrypted connection, and an answer of its token server. Returns the URL
/// of the token server, and the token.
pub fn read_sign_in(challenge: &str, answer: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(settings) = serde_json::from_str::<UpstreamSettings>(r#"{"url": "https://registry.example"}"#)
    else {
        return (None, None);
    };
    let (Ok(name), Ok(repository)) = ("hub".parse::<UpstreamName>(), "a/b".parse()) else {
        return (None, None);
    };
    let upstream = Upstream { name: &name, settings: &settings };
    let mut headers = HeaderMap::new();
    headers.extend(HeaderValue::from_str(challenge).ok().map(|value| (header::WWW_AUTHENTICATE, value)));
    let url = upstream::parse_challenge(&upstream, &repository, &headers)
        .ok()
        .and_then(|challenge| challenge.token_url());
    let token = upstream::parse_token(&upstream, answer, Timestamp::UNIX_EPOCH).ok();
    (url.map(|url| url.to_string()), token.map(|token| token.text))
}
