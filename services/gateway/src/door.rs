//! The outermost layer: what only Hearth's own parts may say is stripped, and each request leaves one line in
//! the log.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use hearth_client::headers;

use crate::{Gateway, forward::CalledBy};

/// Lets a request in.
pub async fn enter(State(_): State<Arc<Gateway>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    request.headers_mut().remove(headers::IDENTITY);
    request.headers_mut().remove(headers::REQUEST_ID);
    let method = request.method().clone();
    // Without the query: it may hold a deploy token.
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
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
