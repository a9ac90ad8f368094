//! Extractor of query parameters.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Error, ErrorKind};
use serde::de::DeserializeOwned;

use super::fields::{self, FieldDocument};
use crate::{reply::ApiError, spec::OperationRules};

/// The query parameters of a request. Unknown ones are an error. An endpoint has one type for all its parameters.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = serde_html_form::from_str(parts.uri.query().unwrap_or(""))
            .map_err(|cause| {
                Error::new(ErrorKind::Unprocessable, "invalid-query", "the query string is invalid")
                    .help("see /openapi.json for the query parameters of this endpoint")
                    .with_cause(cause)
            })?;
        let rules = parts.extensions.get::<Arc<OperationRules>>();
        let violations = rules.map(|rules| rules.list_range_violations(&pairs)).unwrap_or_default();
        if !violations.is_empty() {
            return Err(fields::build_refusal(violations).into());
        }
        Ok(Self(fields::read_fields(QueryPairs(pairs), "query parameter")?))
    }
}

/// Query parameters as pairs of name and value, in order.
struct QueryPairs(Vec<(String, String)>);

impl FieldDocument for QueryPairs {
    fn try_deserialize<T: DeserializeOwned>(&self, unknown: &mut Vec<String>) -> Result<T, (String, String)> {
        let refused = |cause: serde_html_form::ser::Error| (".".to_owned(), cause.to_string());
        let text = serde_html_form::to_string(&self.0).map_err(refused)?;
        let parsed = serde_html_form::Deserializer::from_bytes(text.as_bytes());
        let mut note = |path: serde_ignored::Path<'_>| unknown.push(path.to_string());
        serde_path_to_error::deserialize(serde_ignored::Deserializer::new(parsed, &mut note))
            .map_err(|failure| (failure.path().to_string(), failure.into_inner().to_string()))
    }

    fn remove_field(&mut self, field: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(name, _)| name != field);
        self.0.len() < before
    }
}
