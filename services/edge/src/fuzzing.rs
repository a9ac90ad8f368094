//! Entries for the fuzz targets of `dev/fuzz`: the headers that visitors and tools send.

use axum::http::{HeaderMap, Version};

use crate::clean;

/// True when a request is passed on: nobody on the way reads it as two requests.
pub fn is_unambiguous(version: Version, headers: &HeaderMap) -> bool {
    clean::check(version, headers).is_ok()
}

/// Leaves what a tool may see of a request.
pub fn clean_request(headers: &mut HeaderMap) {
    clean::request(headers);
}

/// Leaves what a visitor may see of an answer.
pub fn clean_response(headers: &mut HeaderMap) {
    clean::response(headers);
}
