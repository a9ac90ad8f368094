//! Headers of the registry's protocol (OCI distribution specification).

use axum::http::HeaderName;

/// The digest of the content of an answer.
pub const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
