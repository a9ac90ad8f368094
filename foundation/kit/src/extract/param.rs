//! Extractor of a path parameter.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use hearth_base::{Error, PathParam};

use crate::reply::ApiError;

/// A validated path parameter. `T` defines its name and syntax.
#[derive(Debug, Clone)]
pub struct Param<T>(pub T);

impl<T: PathParam, S: Send + Sync> FromRequestParts<S> for Param<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(segments) =
            Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await.map_err(|cause| {
                Error::invalid("invalid-path", "the path is not valid UTF-8").with_cause(cause)
            })?;
        let text = segments
            .get(T::PARAM_NAME)
            .ok_or_else(|| Error::internal(format!("the route has no parameter {}", T::PARAM_NAME)))?;
        Ok(Self(text.parse()?))
    }
}
