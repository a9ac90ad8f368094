//! Extractor of a JSON body.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use hearth_base::{Error, ErrorKind, Result};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::fields::{self, FieldDocument};
use crate::{reply::ApiError, spec::OperationRules};

/// A JSON body. Where the document does not require a body, an empty one counts as `{}`.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let rules = request.extensions().get::<Arc<OperationRules>>().cloned();
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let kind =
                if rejection.status().as_u16() == 413 { ErrorKind::TooLarge } else { ErrorKind::Invalid };
            Error::new(kind, "body", "the body is too large or incomplete").with_cause(rejection)
        })?;
        if bytes.is_empty() && rules.is_some_and(|rules| rules.requires_body()) {
            return Err(Error::new(ErrorKind::Unprocessable, "body-missing", "the request has no body")
                .help("send a JSON document; see /openapi.json for its fields")
                .into());
        }
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        Ok(Self(fields::read_fields(parse_json(text)?, "field")?))
    }
}

/// Parses JSON text. Error `invalid-json` (invalid) contains line and column.
fn parse_json(bytes: &[u8]) -> Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Value::deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|cause| {
        Error::invalid("invalid-json", format!("the body is not valid JSON: {cause}"))
            .help("send a JSON document with Content-Type: application/json")
    })
}

impl FieldDocument for Value {
    fn try_deserialize<T: DeserializeOwned>(&self, unknown: &mut Vec<String>) -> Result<T, (String, String)> {
        let mut note = |path: serde_ignored::Path<'_>| unknown.push(path.to_string());
        serde_path_to_error::deserialize(serde_ignored::Deserializer::new(self, &mut note))
            .map_err(|failure| (failure.path().to_string(), failure.into_inner().to_string()))
    }

    fn remove_field(&mut self, field: &str) -> bool {
        self.as_object_mut().is_some_and(|object| object.remove(field).is_some())
    }
}
