//! Response with a blob, whole or as a byte range (RFC 9110, section 14).

use std::ops::Range;

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, ErrorKind, Result};

use super::request_parts::read_header;
use crate::{context::ImagesContext, store::BlobContent};

/// Renders a blob, or the byte range that the `Range` header names.
pub async fn render_blob(
    cx: &ImagesContext,
    content: BlobContent,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response> {
    let BlobContent { digest, blob, size } = content;
    // No `If-Range` check: the content of a digest never changes.
    let part = match read_header(headers, header::RANGE) {
        Some(range) => parse_range(range, size)?,
        None => None,
    };
    let length = part.as_ref().map_or(size, |part| part.end - part.start);
    let body = if *method == Method::HEAD || length == 0 {
        Body::empty()
    } else {
        let stream = cx.blobs.read(blob, part.clone()).await?;
        Body::from_stream(
            stream.ok_or_else(|| Error::internal(format!("content of blob {blob} is missing")))?,
        )
    };
    let mut response = (
        [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_LENGTH, length.to_string()),
            (header::ACCEPT_RANGES, "bytes".to_owned()),
            (header::ETAG, format!("\"{digest}\"")),
            (super::headers::DIGEST_HEADER, digest.to_string()),
        ],
        body,
    )
        .into_response();
    if let Some(Range { start, end }) = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {start}-{}/{size}", end - 1);
        response.headers_mut().insert(header::CONTENT_RANGE, range.try_into().map_err(Error::internal)?);
    }
    Ok(response)
}

/// Parses a `Range` header for content of `size` bytes. Several ranges and unreadable ones are ignored (RFC
/// 9110, section 14.2).
fn parse_range(range: &str, size: u64) -> Result<Option<Range<u64>>> {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|parts| parts.trim().split_once('-'))
    else {
        return Ok(None);
    };
    let part = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..size,
        (Err(_), Ok(last)) if first.trim().is_empty() => size.saturating_sub(last)..size,
        _ => return Ok(None),
    };
    if part.is_empty() {
        let message =
            format!("the range is outside the content: {}; the content has {size} bytes", range.trim());
        return Err(Error::new(ErrorKind::Range, "range", message));
    }
    Ok(Some(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parsed_as_in_rfc_9110() -> Result<()> {
        assert_eq!(parse_range("bytes=0-4", 10)?, Some(0..5));
        assert_eq!(parse_range("bytes=5-", 10)?, Some(5..10));
        assert_eq!(parse_range("bytes=-3", 10)?, Some(7..10));
        assert_eq!(parse_range("bytes=-30", 10)?, Some(0..10));
        assert_eq!(parse_range("bytes=8-99999999999999999", 10)?, Some(8..10));
        assert_eq!(parse_range(&format!("bytes=8-{}", u64::MAX), 10)?, Some(8..10));
        for ignored in ["bytes=1-2,4-5", "lines=0-4", "bytes=4-1", "bytes=a-b", "bytes=-"] {
            assert_eq!(parse_range(ignored, 10)?, None, "{ignored}");
        }
        assert!(parse_range("bytes=10-", 10).is_err());
        assert!(parse_range("bytes=0-0", 0).is_err());
        Ok(())
    }
}
