//! Sends a request to a service and reads the JSON reply.

use hearth_base::{Error, Result};
use hearth_client::Client;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

/// Sends a request and returns the status and the JSON document of the reply; null if the body is not JSON.
pub async fn send_json_request(
    client: &Client,
    method: Method,
    path: &str,
    content: Option<&Value>,
) -> Result<(StatusCode, Value)> {
    let call = client.build_call(method, path);
    let call = match content {
        Some(content) => call.json(content),
        None => call,
    };
    let response = call.send_raw().await?;
    let status = response.status();
    let bytes = response.into_body().collect().await.map_err(Error::internal)?.to_bytes();
    Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}
