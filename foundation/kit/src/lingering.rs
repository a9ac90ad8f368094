//! Whoever is refused still hears why. A server that answers and hangs up while the client is sending makes the
//! client's system throw the answer away; so the rest of a refused body is read, within bounds, before the answer goes.

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
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tower::ServiceExt;

/// The most that is read for nothing.
const MOST: usize = 64 << 20;
/// The longest that is waited for it.
const LONGEST: Duration = Duration::from_secs(5);

/// Answers a request that came by a connection.
pub async fn answer(router: Router, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    // Who asked to be refused first has sent nothing before an answer.
    let waits = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let rest = Rest { body: Arc::new(Mutex::new(body)), begun: Arc::default() };
    let response = router.oneshot(Request::from_parts(parts, Body::new(rest.clone()))).await?;
    let refused = response.status().is_client_error() || response.status().is_server_error();
    if refused && (!waits || rest.begun.load(Ordering::Relaxed)) {
        let _read_or_long_enough = tokio::time::timeout(LONGEST, rest.read()).await;
    }
    Ok(response)
}

/// A body, and what is left of it when whoever was given it has let go.
#[derive(Clone)]
struct Rest {
    body: Arc<Mutex<Incoming>>,
    begun: Arc<AtomicBool>,
}

impl Rest {
    async fn read(mut self) {
        let mut read = 0;
        while read < MOST && !self.is_end_stream() {
            match poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await {
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) | None => return,
            }
        }
    }
}

impl hyper::body::Body for Rest {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.begun.store(true, Ordering::Relaxed);
        let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
