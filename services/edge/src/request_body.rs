//! Request body that can be offered to several instances, until one of them starts to read it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

/// Owner of a request body that several attempts share.
#[derive(Clone)]
pub struct SharedBody(Arc<Mutex<BodyState>>);

struct BodyState {
    body: Body,
    read_started: bool,
    last_progress_at: Instant,
    /// True while an instance waits for the visitor to send more.
    is_awaited: bool,
}

/// Body of one attempt.
pub struct SharedBodyReader(Arc<Mutex<BodyState>>);

impl SharedBody {
    /// Shares `body`.
    pub fn new(body: Body) -> Self {
        let last_progress_at = Instant::now();
        let state = BodyState { body, read_started: false, last_progress_at, is_awaited: false };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Creates the body of the next attempt.
    pub fn create_reader(&self) -> SharedBodyReader {
        lock_state(&self.0).last_progress_at = Instant::now();
        SharedBodyReader(self.0.clone())
    }

    /// True when an instance has started to read the body.
    pub fn has_read_started(&self) -> bool {
        lock_state(&self.0).read_started
    }

    /// True while an instance waits for the visitor to send more.
    pub fn is_awaited(&self) -> bool {
        lock_state(&self.0).is_awaited
    }

    /// Returns the time of the last read, or of the last attempt.
    pub fn last_progress_at(&self) -> Instant {
        lock_state(&self.0).last_progress_at
    }
}

impl http_body::Body for SharedBodyReader {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut state = lock_state(&self.0);
        state.read_started = true;
        let polled = Pin::new(&mut state.body).poll_frame(cx);
        state.is_awaited = polled.is_pending();
        if polled.is_ready() {
            state.last_progress_at = Instant::now();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        lock_state(&self.0).body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        lock_state(&self.0).body.size_hint()
    }
}

fn lock_state(state: &Mutex<BodyState>) -> MutexGuard<'_, BodyState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
