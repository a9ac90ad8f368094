//! What happens to every request before and after a service's own routes: the request's id, the caller's
//! identity checked once, a span, a count, and refusals written in the service's dialect.

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
    Clock, Entropy, Error, Identity, KeyRing, Kind, RequestId, Result, Role, Shown as ShownText, ToolGrant,
};
use hearth_client::headers;
use tracing::Instrument;

use crate::{
    guard::Shown,
    reply::{Dialect, render},
    route::Prefixes,
    telemetry::Metrics,
};

/// What the entry of one service needs to know.
pub struct Entry {
    pub role: Role,
    pub dialect: Dialect,
    pub prefixes: Prefixes,
    /// The mark of its document, another one for each release.
    pub release: HeaderValue,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub ring: Arc<KeyRing>,
    pub metrics: Metrics,
    pub verified: Verified,
}

/// Identities that were checked a moment ago: the gateway sends the same one for up to ten seconds, and
/// checking a signature costs more than most requests.
#[derive(Default)]
pub struct Verified(Mutex<BTreeMap<Headers, Identity>>);

/// The identity's header and the mandate's.
type Headers = (HeaderValue, Option<HeaderValue>);

impl Verified {
    /// The most identities remembered; when there are more, the expired go, and if none has, all.
    const MOST: usize = 10_000;

    fn get_or(&self, headers: Headers, entry: &Entry) -> Result<Identity> {
        let now = entry.clock.now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = known.get(&headers).filter(|identity| identity.expires > now) {
            return Ok(identity.clone());
        }
        drop(known);
        let text = |value: &'_ HeaderValue| {
            let unreadable = |_| Error::unauthenticated("identity", "this identity cannot be read");
            value.to_str().map(str::to_owned).map_err(unreadable)
        };
        let (identity, mandate) = (text(&headers.0)?, headers.1.as_ref().map(text).transpose()?);
        let shown = ShownText { identity: &identity, mandate: mandate.as_deref() };
        let (identity, _) = shown.verify(&entry.ring, entry.role, now)?;
        known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::MOST {
            known.retain(|_, identity| identity.expires > now);
            if known.len() >= Self::MOST {
                known.clear();
            }
        }
        known.insert(headers, identity.clone());
        Ok(identity)
    }
}

/// Who sends a request. By a mandate one gets at the paths of its tool, and at no others.
fn caller(request: &Request, shown: &Shown, entry: &Entry) -> Result<Identity> {
    let Some(own) = &shown.identity else {
        return match shown.mandate {
            Some(_) => Err(Error::unauthenticated("mandate", "a mandate is shown beside an identity")),
            None => Ok(Identity::nobody()),
        };
    };
    let identity = entry.verified.get_or((own.clone(), shown.mandate.clone()), entry)?;
    match (&shown.mandate, &identity.tool) {
        (None, _) => Ok(identity),
        (Some(_), Some(ToolGrant::Granted { name, .. }))
            if tool_in(request.uri().path()) == Some(name.as_str()) =>
        {
            Ok(identity)
        }
        (Some(_), _) => {
            Err(Error::forbidden("mandate-tool", "this mandate is for the paths of another tool"))
        }
    }
}

/// The tool's name in `/{service}/v{n}/tool/{tool}/…`, to the letter.
fn tool_in(path: &str) -> Option<&str> {
    let mut segments = path.split('/').skip(2);
    let version = segments.next()?.strip_prefix('v')?;
    let numbered = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    (numbered && segments.next() == Some("tool")).then(|| segments.next()).flatten()
}

/// Runs a request through the service: the outermost layer of its router.
pub async fn enter(State(entry): State<Arc<Entry>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request_id = request_id(request.headers(), &entry);
    let shown = Shown {
        identity: request.headers().get(headers::IDENTITY).cloned(),
        mandate: request.headers().get(headers::MANDATE).cloned(),
    };
    let identity = caller(&request, &shown, &entry);
    let dialect = entry.prefixes.dialect_at(request.uri().path(), entry.dialect);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    request.extensions_mut().insert(identity);
    request.extensions_mut().insert(shown);
    request.extensions_mut().insert(request_id);

    let span = tracing::info_span!("request", service = entry.role.name(), request_id = %request_id);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(error) = refusal(&mut response) {
        span.in_scope(|| log(&error));
        // The gateway speaks as the service does for which it refuses.
        let dialect = response.extensions().get().copied().unwrap_or(dialect);
        response = render(&error, dialect, &request_id.to_string(), &response);
    }
    response.headers_mut().entry(headers::DOCUMENT).or_insert(entry.release.clone());
    if let Ok(value) = HeaderValue::try_from(request_id.to_string()) {
        response.headers_mut().insert(headers::REQUEST_ID, value);
    }
    entry.metrics.request(&method, route.as_deref(), response.status(), began.elapsed());
    response
}

/// The id that the door gave the request, or a new one for a request that came another way.
fn request_id(headers: &HeaderMap, entry: &Entry) -> RequestId {
    let given = headers.get(headers::REQUEST_ID).and_then(|value| value.to_str().ok());
    given
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| RequestId::new(entry.clock.now(), &entry.entropy))
}

/// The error behind an unsuccessful response; the router's own two are put in words here.
fn refusal(response: &mut Response) -> Option<Error> {
    if let Some(error) = response.extensions_mut().remove::<Error>() {
        return Some(error);
    }
    if response.headers().contains_key(header::CONTENT_TYPE) {
        return None;
    }
    match response.status() {
        StatusCode::NOT_FOUND => Some(
            Error::new(Kind::NotFound, "no-such-endpoint", "there is no such endpoint")
                .help("see /openapi.json for those there are"),
        ),
        StatusCode::METHOD_NOT_ALLOWED => Some(
            Error::new(
                Kind::MethodNotAllowed,
                "method-not-allowed",
                "this endpoint does not take that method",
            )
            .help("see /openapi.json for those it takes"),
        ),
        _ => None,
    }
}

fn log(error: &Error) {
    let cause = error.cause().map(ToString::to_string);
    match error.kind() {
        Kind::Internal => tracing::error!(code = error.code(), cause, "request ended with a defect"),
        Kind::Unavailable | Kind::Timeout => {
            tracing::warn!(code = error.code(), cause, "something needed for the request does not answer");
        }
        _ => tracing::debug!(code = error.code(), cause, "request refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::tool_in;

    #[test]
    fn the_tool_of_a_mandate_is_read_to_the_letter() {
        assert_eq!(tool_in("/jobs/v1/tool/hello/jobs/web"), Some("hello"));
        assert_eq!(tool_in("/jobs/v1/tool/hello"), Some("hello"));
        assert_eq!(tool_in("/jobs/v1/tool/%68ello"), Some("%68ello"));
        for path in [
            "/jobs/v1/internal/events/routes",
            "/jobs/tool/v1/hello",
            "//jobs/v1/tool/hello",
            "/jobs/vx/tool/a",
        ] {
            assert_eq!(tool_in(path), None, "{path}");
        }
    }
}
