//! Outermost middleware of every service: assigns the request id, verifies the caller's identity once, opens a
//! tracing span, records metrics, and renders errors in the service's dialect.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use hearth_base::{
    Clock, Entropy, Error, ErrorKind, Identity, KeyRing, PresentedCredentials, RequestId, Result, Role,
    ToolGrant,
};
use hearth_client::headers;
use tracing::Instrument;

use crate::{
    guard::{ClientAddress, IdentityHeaders},
    reply::{Dialect, render_refusal},
    route::RoutePrefixes,
    spec::InputRules,
    telemetry::ServiceMetrics,
};

/// State of the middleware of one service.
pub struct RequestLayer {
    pub role: Role,
    pub dialect: Dialect,
    pub prefixes: RoutePrefixes,
    /// Version of the service's OpenAPI document: a digest of its text.
    pub document_version: HeaderValue,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub key_ring: Arc<KeyRing>,
    pub metrics: ServiceMetrics,
    pub identity_cache: IdentityCache,
    pub input_rules: InputRules,
}

/// Cache of verified identities: the gateway sends the same one for up to ten seconds, and verifying a signature
/// costs more than most requests.
#[derive(Default)]
pub struct IdentityCache(Mutex<BTreeMap<IdentityCacheKey, Identity>>);

/// Cache key: the identity header and the mandate header.
type IdentityCacheKey = (HeaderValue, Option<HeaderValue>);

impl IdentityCache {
    /// Capacity of the cache. When it is reached, expired entries are removed; when none has expired, all entries
    /// are.
    const MAX_CACHED_IDENTITIES: usize = 10_000;

    fn verify_identity(&self, headers: IdentityCacheKey, layer: &RequestLayer) -> Result<Identity> {
        let now = layer.clock.now();
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = cache.get(&headers).filter(|identity| identity.expires > now) {
            return Ok(identity.clone());
        }
        drop(cache);
        let text = |value: &'_ HeaderValue| {
            let unreadable = |_| Error::unauthenticated("identity", "the identity header is not ASCII text");
            value.to_str().map(str::to_owned).map_err(unreadable)
        };
        let (identity, mandate) = (text(&headers.0)?, headers.1.as_ref().map(text).transpose()?);
        let signed = PresentedCredentials { identity: &identity, mandate: mandate.as_deref() };
        let (identity, _) = signed.verify(&layer.key_ring, layer.role, now)?;
        cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= Self::MAX_CACHED_IDENTITIES {
            cache.retain(|_, identity| identity.expires > now);
            if cache.len() >= Self::MAX_CACHED_IDENTITIES {
                cache.clear();
            }
        }
        cache.insert(headers, identity.clone());
        Ok(identity)
    }
}

/// Verifies the caller of a request. A mandate is valid only for the paths of its own tool.
fn identify_caller(
    request: &Request,
    identity_headers: &IdentityHeaders,
    layer: &RequestLayer,
) -> Result<Identity> {
    let Some(own) = &identity_headers.identity else {
        return match identity_headers.mandate {
            Some(_) => {
                Err(Error::unauthenticated("mandate", "the mandate header requires an identity header"))
            }
            None => Ok(Identity::anonymous()),
        };
    };
    let identity =
        layer.identity_cache.verify_identity((own.clone(), identity_headers.mandate.clone()), layer)?;
    match (&identity_headers.mandate, &identity.tool) {
        (None, _) => Ok(identity),
        (Some(_), Some(ToolGrant::Granted { name, .. }))
            if parse_tool_segment(request.uri().path()) == Some(name.as_str()) =>
        {
            Ok(identity)
        }
        (Some(_), _) => {
            Err(Error::forbidden("mandate-tool", "the mandate is for another tool than the one in the path"))
        }
    }
}

/// The tool segment of `/{service}/v{n}/tool/{tool}/…`, without percent-decoding.
fn parse_tool_segment(path: &str) -> Option<&str> {
    let mut segments = path.split('/').skip(2);
    let version = segments.next()?.strip_prefix('v')?;
    let numbered = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    (numbered && segments.next() == Some("tool")).then(|| segments.next()).flatten()
}

/// Handles a request: the outermost layer of a service's router.
pub async fn handle_request(
    State(layer): State<Arc<RequestLayer>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let request_id = read_request_id(request.headers(), &layer);
    let identity_headers = IdentityHeaders {
        identity: request.headers().get(headers::IDENTITY_HEADER).cloned(),
        mandate: request.headers().get(headers::MANDATE_HEADER).cloned(),
    };
    let identity = identify_caller(&request, &identity_headers, &layer);
    let client = read_client_address(request.headers()).filter(|_| {
        // Only parts of Hearth have an identity, and only the gateway sends the address of a client.
        identity_headers.identity.is_some() && identity.is_ok()
    });
    let dialect = layer.prefixes.find_dialect(request.uri().path(), layer.dialect);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let rules = route.as_deref().and_then(|route| layer.input_rules.find_operation(&method, route));
    if let Some(rules) = rules {
        request.extensions_mut().insert(rules);
    }
    request.extensions_mut().insert(identity);
    request.extensions_mut().insert(identity_headers);
    request.extensions_mut().insert(request_id);
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }

    let span = tracing::info_span!("request", service = layer.role.name(), request_id = %request_id);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(error) = take_error(&mut response) {
        span.in_scope(|| log_error(&error));
        // The gateway renders an error in the dialect of the service that it was sent to.
        let dialect = response.extensions().get().copied().unwrap_or(dialect);
        response = render_refusal(&error, dialect, &request_id.to_string(), &response);
    }
    response.headers_mut().entry(headers::DOCUMENT_RELEASE_HEADER).or_insert(layer.document_version.clone());
    if let Ok(value) = HeaderValue::try_from(request_id.to_string()) {
        response.headers_mut().insert(headers::REQUEST_ID_HEADER, value);
    }
    layer.metrics.record_request(&method, route.as_deref(), response.status(), started.elapsed());
    response
}

fn read_client_address(headers: &HeaderMap) -> Option<ClientAddress> {
    headers.get(headers::CLIENT_ADDRESS_HEADER)?.to_str().ok()?.parse().ok().map(ClientAddress)
}

/// The request id that the gateway assigned, or a new one for a request that did not pass the gateway.
fn read_request_id(headers: &HeaderMap, layer: &RequestLayer) -> RequestId {
    let header = headers.get(headers::REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
    header
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| RequestId::new(layer.clock.now(), &layer.entropy))
}

/// Takes the error out of an unsuccessful response. The router's own 404 and 405 have no error and get one here.
fn take_error(response: &mut Response) -> Option<Error> {
    if let Some(error) = response.extensions_mut().remove::<Error>() {
        return Some(error);
    }
    if response.headers().contains_key(header::CONTENT_TYPE) {
        return None;
    }
    match response.status() {
        StatusCode::NOT_FOUND => Some(
            Error::new(ErrorKind::NotFound, "no-such-endpoint", "there is no such endpoint")
                .help("see /openapi.json for the endpoints"),
        ),
        StatusCode::METHOD_NOT_ALLOWED => Some(
            Error::new(
                ErrorKind::MethodNotAllowed,
                "method-not-allowed",
                "the endpoint does not support this method",
            )
            .help("see /openapi.json for the endpoint's methods"),
        ),
        _ => None,
    }
}

fn log_error(error: &Error) {
    let cause = error.cause().map(ToString::to_string);
    match error.kind() {
        ErrorKind::Internal => {
            tracing::error!(code = error.code(), cause, "request failed with an internal error")
        }
        ErrorKind::Unavailable | ErrorKind::Timeout => {
            tracing::warn!(code = error.code(), cause, "request failed: a dependency is unavailable");
        }
        _ => tracing::debug!(code = error.code(), cause, "request refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_tool_segment;

    #[test]
    fn tool_of_a_mandate_is_read_without_decoding() {
        assert_eq!(parse_tool_segment("/jobs/v1/tool/hello/jobs/web"), Some("hello"));
        assert_eq!(parse_tool_segment("/jobs/v1/tool/hello"), Some("hello"));
        assert_eq!(parse_tool_segment("/jobs/v1/tool/%68ello"), Some("%68ello"));
        for path in [
            "/jobs/v1/internal/events/routes",
            "/jobs/tool/v1/hello",
            "//jobs/v1/tool/hello",
            "/jobs/vx/tool/a",
        ] {
            assert_eq!(parse_tool_segment(path), None, "{path}");
        }
    }
}
