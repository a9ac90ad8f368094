//! A blob on its way out, whole or in part (RFC 9110, section 14).

use std::ops::Range;

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Kind, Result};

use super::query::text;
use crate::{cx::Cx, store::Content};

/// Answers with a blob, or with the part of it that the request asks for.
pub async fn answer(cx: &Cx, content: Content, method: &Method, headers: &HeaderMap) -> Result<Response> {
    let Content { digest, blob, size } = content;
    // A part of what has changed meanwhile would be of no use; this never changes.
    let part = match text(headers, header::RANGE) {
        Some(range) => part(range, size)?,
        None => None,
    };
    let length = part.as_ref().map_or(size, |part| part.end - part.start);
    let body = if *method == Method::HEAD || length == 0 {
        Body::empty()
    } else {
        let stream = cx.blobs.read(blob, part.clone()).await?;
        Body::from_stream(stream.ok_or_else(|| Error::internal(format!("the content {blob} is not there")))?)
    };
    let mut response = (
        [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_LENGTH, length.to_string()),
            (header::ACCEPT_RANGES, "bytes".to_owned()),
            (header::ETAG, format!("\"{digest}\"")),
            (super::headers::DIGEST, digest.to_string()),
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

/// The part that a `Range` header means of something of this size. Several parts at once, and what cannot be read,
/// count as none asked for (RFC 9110, section 14.2).
fn part(range: &str, size: u64) -> Result<Option<Range<u64>>> {
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
        let what = format!("there is nothing at {} of these {size} bytes", range.trim());
        return Err(Error::new(Kind::Range, "range", what));
    }
    Ok(Some(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_has_them() -> Result<()> {
        assert_eq!(part("bytes=0-4", 10)?, Some(0..5));
        assert_eq!(part("bytes=5-", 10)?, Some(5..10));
        assert_eq!(part("bytes=-3", 10)?, Some(7..10));
        assert_eq!(part("bytes=-30", 10)?, Some(0..10));
        assert_eq!(part("bytes=8-99999999999999999", 10)?, Some(8..10));
        assert_eq!(part(&format!("bytes=8-{}", u64::MAX), 10)?, Some(8..10));
        for ignored in ["bytes=1-2,4-5", "lines=0-4", "bytes=4-1", "bytes=a-b", "bytes=-"] {
            assert_eq!(part(ignored, 10)?, None, "{ignored}");
        }
        assert!(part("bytes=10-", 10).is_err());
        assert!(part("bytes=0-0", 0).is_err());
        Ok(())
    }
}
