//! One segment of the path.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use hearth_base::{Error, PathParam};

use crate::reply::Refused;

/// The path parameter that `T` says it is, checked.
#[derive(Debug, Clone)]
pub struct Param<T>(pub T);

impl<T: PathParam, S: Send + Sync> FromRequestParts<S> for Param<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let Path(segments) = Path::<BTreeMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(|cause| Error::invalid("invalid-path", "the path cannot be read").because(cause))?;
        let text = segments
            .get(T::PARAM)
            .ok_or_else(|| Error::internal(format!("the route has no parameter {}", T::PARAM)))?;
        Ok(Self(text.parse()?))
    }
}
