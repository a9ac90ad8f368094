//! What a service says to a call, whatever it is.

use hearth_base::{Error, Result};
use hearth_client::Client;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

/// The status and the document that a client is answered with, the latter null when there is none.
pub async fn answer_to(
    client: &Client,
    method: Method,
    path: &str,
    content: Option<&Value>,
) -> Result<(StatusCode, Value)> {
    let call = client.call(method, path);
    let call = match content {
        Some(content) => call.json(content),
        None => call,
    };
    let response = call.raw().await?;
    let status = response.status();
    let bytes = response.into_body().collect().await.map_err(Error::internal)?.to_bytes();
    Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}
