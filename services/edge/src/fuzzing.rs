//! Entry points for the fuzz targets of `dev/fuzz`: headers from visitors and tools.

use axum::http::{HeaderMap, Version};

use crate::header_filter;

/// True when the request has unambiguous framing and is forwarded.
pub fn is_unambiguous(version: Version, headers: &HeaderMap) -> bool {
    header_filter::check_framing(version, headers).is_ok()
}

/// Filters the request headers for a tool.
pub fn clean_request(headers: &mut HeaderMap) {
    header_filter::filter_request(headers);
}

/// Filters the response headers for a visitor.
pub fn clean_response(headers: &mut HeaderMap) {
    header_filter::filter_response(headers, "hello.localhost");
}
