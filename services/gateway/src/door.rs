//! The outermost layer: what only Hearth's own parts may say is stripped, and each request leaves one line in
//! the log.

use std::time::Instant;

use axum::{extract::Request, http::Uri, middleware::Next, response::Response};
use hearth_client::headers;

use crate::forward::CalledBy;

/// Lets a request in.
pub async fn enter(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    request.headers_mut().remove(headers::IDENTITY);
    request.headers_mut().remove(headers::MANDATE);
    request.headers_mut().remove(headers::REQUEST_ID);
    let method = request.method().clone();
    // Without the query: it may hold a deploy token.
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    response.headers_mut().remove(headers::DOCUMENT);
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let (request_id, code) = (header(headers::REQUEST_ID), header(headers::CODE));
    let caller = response.extensions().get::<CalledBy>().map_or("-", |CalledBy(caller)| caller);
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

/// One slash more at the end of a path never matters. Done before routing.
pub fn without_last_slash(mut request: Request) -> Request {
    let uri = request.uri();
    if let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        // What was a path stays one without its last byte.
        if let Ok(shorter) = Uri::try_from(format!("{path}{query}")) {
            *request.uri_mut() = shorter;
        }
    }
    request
}
