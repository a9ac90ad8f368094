//! Responses and errors of the API.

mod render;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Page};
use hearth_wire::reply::{Data, Done, Listed, Messages, Named};
use serde::Serialize;

pub use render::{Dialect, map_status, render_refusal};

/// Result of a handler.
pub type ApiResult<T> = Result<ApiResponse<T>, ApiError>;

/// A successful response: `{"data": …, "messages": …}`, or, in the dialect with named keys, the content's own keys
/// and `messages`.
#[derive(Debug)]
pub struct ApiResponse<T> {
    status: StatusCode,
    headers: HeaderMap,
    content: T,
    messages: Messages,
    dialect: Dialect,
}

impl<T> ApiResponse<T> {
    /// Status 200 with `data`.
    pub fn ok(data: T) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            content: data,
            messages: Messages::default(),
            dialect: Dialect::Data,
        }
    }

    /// Status 200 in the dialect with named keys, of `jobs`, `builds` and `envvars`. `content` must be a struct.
    pub fn ok_named(content: T) -> Self {
        Self { dialect: Dialect::Named, ..Self::ok(content) }
    }

    /// Status 201 with the created object.
    pub fn created(data: T) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(data) }
    }

    /// Status 202 with an object that is processed asynchronously.
    pub fn accepted(data: T) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::ok(data) }
    }

    /// Adds an information for the caller.
    #[must_use]
    pub fn with_info(mut self, sentence: impl Into<String>) -> Self {
        self.messages.info.push(sentence.into());
        self
    }

    /// Adds a warning for the caller.
    #[must_use]
    pub fn with_warning(mut self, sentence: impl Into<String>) -> Self {
        self.messages.warning.push(sentence.into());
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl<T> ApiResponse<Listed<T>> {
    /// Status 200 with a page of a list.
    pub fn from_page(page: Page<T>) -> Self {
        Self::ok(Listed { items: page.items, next: page.next })
    }
}

impl ApiResponse<Done> {
    /// Status 200 without content.
    pub fn ok_done() -> Self {
        Self::ok(Done {})
    }
}

impl<T: Serialize> IntoResponse for ApiResponse<T> {
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

/// An error response. Its body is rendered by the service's [request layer](crate::MountedService), which knows the
/// dialect and the request id.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = map_status(self.0.kind(), Dialect::Data).into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}
