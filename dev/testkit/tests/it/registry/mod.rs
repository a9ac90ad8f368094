//! The registry, with real clients and with malicious requests.

mod build_credentials;
mod clients;
mod conformance;
mod hostile;
mod protocol;
mod reserved_names;
mod tool_deletion;
mod upstreams;

use hearth_base::{Result, Secret};
use hearth_client::Client;
use hearth_testkit::{Hearth, Person};
use hearth_wire::tools::ToolCreate;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

/// Creates a user with a tool of this name. Returns a client and the token of the user.
async fn create_owner(hearth: &Hearth, operator: &Person, tool: &str) -> Result<(Client, Secret)> {
    let owner = hearth.invite_person(operator, &format!("owner-of-{tool}")).await?;
    owner.client.tools().create(&ToolCreate { name: tool.parse()?, description: String::new() }).await?;
    let token = owner.create_token(&[]).await?;
    Ok((hearth.client_with_token(&token)?, token))
}

/// Sends a call and returns the reply.
async fn send_and_read(call: hearth_client::Call<'_>) -> Result<(StatusCode, HeaderMap, Vec<u8>)> {
    let (head, body) = call.send_raw().await?.into_parts();
    Ok((head.status, head.headers, body.collect().await.unwrap().to_bytes().to_vec()))
}

/// Sends a call and returns the status and the registry's error code.
async fn send_and_read_refusal(call: hearth_client::Call<'_>) -> Result<(u16, String)> {
    let (status, _, body) = send_and_read(call).await?;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok((status.as_u16(), body["errors"][0]["code"].as_str().unwrap_or_default().to_owned()))
}
