//! Query parameters.

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Error, Kind};
use serde::de::DeserializeOwned;

use super::fields::{self, Document};
use crate::reply::Refused;

/// The query parameters of a request; unknown ones are refused by name. An endpoint has one type for all of
/// its parameters.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let pairs = serde_html_form::from_str(parts.uri.query().unwrap_or("")).map_err(|cause| {
            Error::new(Kind::Unprocessable, "invalid-query", "the query cannot be read").because(cause)
        })?;
        Ok(Self(fields::read(Pairs(pairs), "query parameter")?))
    }
}

/// Names and values, in order.
struct Pairs(Vec<(String, String)>);

impl Document for Pairs {
    fn attempt<T: DeserializeOwned>(&self, unknown: &mut Vec<String>) -> Result<T, (String, String)> {
        let refused = |cause: serde_html_form::ser::Error| (".".to_owned(), cause.to_string());
        let text = serde_html_form::to_string(&self.0).map_err(refused)?;
        let parsed = serde_html_form::Deserializer::from_bytes(text.as_bytes());
        let mut note = |path: serde_ignored::Path<'_>| unknown.push(path.to_string());
        serde_path_to_error::deserialize(serde_ignored::Deserializer::new(parsed, &mut note))
            .map_err(|failure| (failure.path().to_string(), failure.into_inner().to_string()))
    }

    fn take_out(&mut self, field: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(name, _)| name != field);
        self.0.len() < before
    }
}
