//! What registry clients send besides JSON.

use axum::{
    body::{Body, Bytes},
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use futures::StreamExt;
use hearth_base::{Error, Result};
use hearth_kit::{Refused, blobs::too_large};
use serde::de::DeserializeOwned;

/// Query parameters of the registry: clients of all kinds add their own, which are not looked at.
pub struct Loose<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Loose<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let read = serde_html_form::from_str(parts.uri.query().unwrap_or(""));
        Ok(Self(
            read.map_err(|cause| Error::invalid("invalid-query", "the query cannot be read").because(cause))?,
        ))
    }
}

/// A header's text.
pub fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Where a chunk says that it goes (OCI distribution specification, "Pushing a blob in chunks": `0-499`).
pub fn chunk_start(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(text) = text(headers, header::CONTENT_RANGE) else { return Ok(None) };
    let bare = text.strip_prefix("bytes ").or_else(|| text.strip_prefix("bytes=")).unwrap_or(text);
    let start = bare.split_once('-').and_then(|(start, _)| start.trim().parse().ok());
    start.map(Some).ok_or_else(|| {
        Error::invalid("blob-upload-invalid", format!("Content-Range {text:?} cannot be read"))
            .help("write it as in Content-Range: 0-499")
    })
}

/// A whole body of at most `limit` bytes.
pub async fn whole(body: Body, limit: u64) -> Result<Bytes> {
    let mut stream = body.into_data_stream();
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|cause| {
            Error::invalid("body-broken", "the content broke off before its end").because(cause)
        })?;
        if (all.len() + piece.len()) as u64 > limit {
            return Err(too_large(limit));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.into())
}
