//! Headers between parts of Hearth. The gateway removes those that only parts of Hearth may send from external
//! requests.

use http::HeaderName;

/// Signed identity of the caller.
pub const IDENTITY_HEADER: HeaderName = HeaderName::from_static("x-hearth-identity");

/// Signed mandate, beside the identity of the service that uses it.
pub const MANDATE_HEADER: HeaderName = HeaderName::from_static("x-hearth-mandate");

/// Id of the request at the gateway, shared by all requests that it causes.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Address of the client at the door, as the gateway determined it. Services trust it only beside an identity.
pub const CLIENT_ADDRESS_HEADER: HeaderName = HeaderName::from_static("x-hearth-client-address");

/// Stable error code, beside the body of an error response.
pub const ERROR_CODE_HEADER: HeaderName = HeaderName::from_static("x-hearth-code");

/// Release of the OpenAPI document behind a service's response; the gateway removes the header.
pub const DOCUMENT_RELEASE_HEADER: HeaderName = HeaderName::from_static("x-hearth-document");
