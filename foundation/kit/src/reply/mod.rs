//! How answers and refusals look on the wire.

mod render;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Page};
use hearth_wire::reply::{Data, Done, Listed, Messages, Named};
use serde::Serialize;

pub use render::{Dialect, render, status};

/// What a handler gives back.
pub type Reply<T> = Result<Answer<T>, Refused>;

/// A success: `{"data": …, "messages": …}`, or in the services with named keys the content's own keys beside
/// `messages`.
#[derive(Debug)]
pub struct Answer<T> {
    status: StatusCode,
    headers: HeaderMap,
    content: T,
    messages: Messages,
    dialect: Dialect,
}

impl<T> Answer<T> {
    /// 200 with this content.
    pub fn of(data: T) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            content: data,
            messages: Messages::default(),
            dialect: Dialect::Data,
        }
    }

    /// 200 with the keys of this content, beside `messages`: the dialect of `jobs`, `builds` and `envvars`. The
    /// content is a struct.
    pub fn named(content: T) -> Self {
        Self { dialect: Dialect::Named, ..Self::of(content) }
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
        self.messages.info.push(sentence.into());
        self
    }

    /// Adds a sentence that is worth doing something about.
    #[must_use]
    pub fn warning(mut self, sentence: impl Into<String>) -> Self {
        self.messages.warning.push(sentence.into());
        self
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
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
        let Self { status, headers, content, messages, dialect } = self;
        match dialect {
            Dialect::Data | Dialect::Registry => {
                (status, headers, Json(Data { data: content, messages })).into_response()
            }
            Dialect::Named => (status, headers, Json(Named { content, messages })).into_response(),
        }
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
        let mut response = status(self.0.kind(), Dialect::Data).into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}
