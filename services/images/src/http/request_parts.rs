//! Parts of registry requests other than JSON: query, headers, body.

use axum::{
    body::{Body, Bytes},
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use futures::StreamExt;
use hearth_base::{Error, Result};
use hearth_kit::{ApiError, blobs::build_too_large_error};
use serde::de::DeserializeOwned;

/// Query parameters of the registry. Unknown ones are ignored, because clients add their own.
pub struct LenientQuery<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for LenientQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let read = serde_html_form::from_str(parts.uri.query().unwrap_or(""));
        Ok(Self(read.map_err(|cause| {
            Error::invalid("invalid-query", "the query string is invalid").with_cause(cause)
        })?))
    }
}

/// Reads a header as text.
pub fn read_header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Parses the start offset of a chunk (OCI distribution specification, "Pushing a blob in chunks": `0-499`).
pub fn parse_chunk_start(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(text) = read_header(headers, header::CONTENT_RANGE) else { return Ok(None) };
    let bare = text.strip_prefix("bytes ").or_else(|| text.strip_prefix("bytes=")).unwrap_or(text);
    let start = bare.split_once('-').and_then(|(start, _)| start.trim().parse().ok());
    start.map(Some).ok_or_else(|| {
        Error::invalid("blob-upload-invalid", format!("the header Content-Range is invalid: {text:?}"))
            .help("write for example Content-Range: 0-499")
    })
}

/// Reads a body of at most `limit` bytes.
pub async fn read_body(body: Body, limit: u64) -> Result<Bytes> {
    let mut stream = body.into_data_stream();
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|cause| {
            Error::invalid("body-broken", "the request body ended early").with_cause(cause)
        })?;
        if (all.len() + piece.len()) as u64 > limit {
            return Err(build_too_large_error(limit));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.into())
}
