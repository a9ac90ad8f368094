//! Headers of the registry's protocol (OCI distribution specification).

use axum::http::HeaderName;

/// Header with the digest of the response's content.
pub const DIGEST_HEADER: HeaderName = HeaderName::from_static("docker-content-digest");
/// Header with the subject of a pushed manifest, which says that the registry lists referrers.
pub const SUBJECT_HEADER: HeaderName = HeaderName::from_static("oci-subject");
/// Header of a stored image whose upstream registry does not answer: its tag may have moved.
pub const STALE_IMAGE_HEADER: HeaderName = HeaderName::from_static("hearth-stale");
