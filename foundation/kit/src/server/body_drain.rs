//! Bodies of requests: a client that sends too slowly is ended, and the body of a refused request is drained, within
//! limits, before the response is sent (lingering close).
//!
//! A server that responds and closes while the client is still sending causes a TCP reset, on which the client's
//! kernel discards the response (RFC 9112, section 9.6).

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Request, Response, header},
};
use hearth_base::{Error, ErrorKind};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tower::{BoxError, ServiceExt};

use super::stall::StallTimer;

/// Code of the error of a client that sent its request body too slowly.
pub const SLOW_BODY_CODE: &str = "body-slow";
/// Maximum number of bytes that are drained.
const MAX_DRAINED_BYTES: usize = 64 << 20;
/// Maximum time for draining.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves a request that arrived on a connection. A body whose client is waited for too long ends with an error.
pub async fn serve_request(
    router: Router,
    request: Request<Incoming>,
    stall_timeout: Option<Duration>,
) -> Result<Response<Body>, Infallible> {
    // A client that sent `Expect: 100-continue` sends its body only after a response.
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let received = ReceivedBody { body, stall: StallTimer::new(stall_timeout) };
    let shared_body = DrainableBody { body: Arc::new(Mutex::new(received)), is_started: Arc::default() };
    let response = router.oneshot(Request::from_parts(parts, Body::new(shared_body.clone()))).await?;
    let refused = response.status().is_client_error() || response.status().is_server_error();
    if refused && (!expects_continue || shared_body.is_started.load(Ordering::Relaxed)) {
        let _read_or_long_enough = tokio::time::timeout(DRAIN_TIMEOUT, shared_body.drain()).await;
    }
    Ok(response)
}

/// A request body shared with the handler, so that the unread rest can be drained after the handler dropped it.
#[derive(Clone)]
struct DrainableBody {
    body: Arc<Mutex<ReceivedBody>>,
    is_started: Arc<AtomicBool>,
}

/// The body of a request, with the timer of its client.
struct ReceivedBody {
    body: Incoming,
    stall: StallTimer,
}

impl DrainableBody {
    async fn drain(mut self) {
        let mut read = 0;
        while read < MAX_DRAINED_BYTES && !self.is_end_stream() {
            match poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await {
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) | None => return,
            }
        }
    }
}

impl hyper::body::Body for DrainableBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.is_started.store(true, Ordering::Relaxed);
        let mut received = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        let ReceivedBody { body, stall } = &mut *received;
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                stall.record_progress(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => Poll::Ready(ended.map(|result| result.map_err(Into::into))),
            Poll::Pending if stall.poll_expired(cx).is_ready() => {
                Poll::Ready(Some(Err(build_slow_body_error().into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).body.size_hint()
    }
}

/// Finds the error of a client that sent its request body too slowly, among the causes of the error of a forwarded
/// request.
pub fn find_slow_body_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.filter_map(|error| error.downcast_ref::<Error>()).find(|error| error.code() == SLOW_BODY_CODE)
}

fn build_slow_body_error() -> Error {
    Error::new(ErrorKind::Timeout, SLOW_BODY_CODE, "the request body did not arrive in time")
        .help("send it again over a faster connection")
}
