//! Outermost layer of the API: removes headers that only Hearth's own parts may send, and writes one log line
//! per request.

use std::time::Instant;

use axum::{extract::Request, http::Uri, middleware::Next, response::Response};
use hearth_client::headers;
use hearth_kit::relay;

use crate::forward::CallerLabel;

/// Removes internal headers, runs the request, and writes its log line.
pub async fn log_request(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    relay::remove_hearth_headers(request.headers_mut());
    request.headers_mut().remove(headers::REQUEST_ID_HEADER);
    request.headers_mut().remove(headers::CLIENT_ADDRESS_HEADER);
    let method = request.method().clone();
    // The log omits the query, which may contain a deploy token.
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    response.headers_mut().remove(headers::DOCUMENT_RELEASE_HEADER);
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let (request_id, code) = (header(headers::REQUEST_ID_HEADER), header(headers::ERROR_CODE_HEADER));
    let caller = response.extensions().get::<CallerLabel>().map_or("-", |CallerLabel(caller)| caller);
    tracing::info!(
        request_id,
        %method,
        path,
        status = response.status().as_u16(),
        code,
        ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        caller,
        "request"
    );
    response
}

/// Removes one slash at the end of the path, before routing.
pub fn remove_trailing_slash(mut request: Request) -> Request {
    let uri = request.uri();
    if let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        // A shorter path is still a valid path.
        if let Ok(shorter) = Uri::try_from(format!("{path}{query}")) {
            *request.uri_mut() = shorter;
        }
    }
    request
}
