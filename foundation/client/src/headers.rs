//! The headers that parts of Hearth give each other. The gateway strips the first two from outside requests.

use http::HeaderName;

/// The signed identity of the caller.
pub const IDENTITY: HeaderName = HeaderName::from_static("x-hearth-identity");

/// A signed mandate, beside the identity of the service that acts by it.
pub const MANDATE: HeaderName = HeaderName::from_static("x-hearth-mandate");

/// The id of the request at the door that all this belongs to.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The stable code of a refusal, beside its body.
pub const CODE: HeaderName = HeaderName::from_static("x-hearth-code");

/// The release of the document that a service's answer was made by; the gateway takes it off.
pub const DOCUMENT: HeaderName = HeaderName::from_static("x-hearth-document");
