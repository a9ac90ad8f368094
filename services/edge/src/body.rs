//! A request's body, lent to one instance after the other until one of them has begun to read it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

/// The owner's side of a body.
#[derive(Clone)]
pub struct Lender(Arc<Mutex<State>>);

struct State {
    body: Body,
    touched: bool,
    moved: Instant,
}

/// The borrower's side.
pub struct Lent(Arc<Mutex<State>>);

impl Lender {
    /// Lends `body`.
    pub fn of(body: Body) -> Self {
        Self(Arc::new(Mutex::new(State { body, touched: false, moved: Instant::now() })))
    }

    /// The body, for the next borrower.
    pub fn lend(&self) -> Lent {
        lock(&self.0).moved = Instant::now();
        Lent(self.0.clone())
    }

    /// Whether anybody has begun to read it.
    pub fn is_touched(&self) -> bool {
        lock(&self.0).touched
    }

    /// When something was last read, or it was last lent.
    pub fn moved(&self) -> Instant {
        lock(&self.0).moved
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut state = lock(&self.0);
        state.touched = true;
        let polled = Pin::new(&mut state.body).poll_frame(cx);
        if polled.is_ready() {
            state.moved = Instant::now();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0).body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).body.size_hint()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
