//! How answers and refusals look on the wire.

mod render;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Page};
use hearth_wire::reply::{Data, Done, Listed, Messages};
use serde::Serialize;

pub use render::{Dialect, render, status};

/// What a handler gives back.
pub type Reply<T> = Result<Answer<T>, Refused>;

/// A success of the services that Toolforge does not have: `{"data": …, "messages": …}`.
#[derive(Debug)]
pub struct Answer<T> {
    status: StatusCode,
    headers: HeaderMap,
    content: Data<T>,
}

impl<T> Answer<T> {
    /// 200 with this content.
    pub fn of(data: T) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            content: Data { data, messages: Messages::default() },
        }
    }

    /// 201 with what was made.
    pub fn created(data: T) -> Self {
        Self { status: StatusCode::CREATED, ..Self::of(data) }
    }

    /// 202 with something that goes on by itself.
    pub fn accepted(data: T) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::of(data) }
    }

    /// Adds a sentence that is good to know.
    #[must_use]
    pub fn info(mut self, sentence: impl Into<String>) -> Self {
        self.content.messages.info.push(sentence.into());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl<T> Answer<Listed<T>> {
    /// A page of a list.
    pub fn page(page: Page<T>) -> Self {
        Self::of(Listed { items: page.items, next: page.next })
    }
}

impl Answer<Done> {
    /// There is nothing to tell but that it was done.
    pub fn done() -> Self {
        Self::of(Done {})
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        (self.status, self.headers, Json(self.content)).into_response()
    }
}

/// A refusal on its way out. Its body is written by the service's entry, which knows the dialect and the
/// request's id.
#[derive(Debug)]
pub struct Refused(pub Error);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = status(self.0.kind()).into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}
