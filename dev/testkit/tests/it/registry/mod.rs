//! The registry, with real clients and with hostile ones.

mod clients;
mod hostile;
mod keeping;
mod protocol;

use hearth_base::{Result, Secret};
use hearth_client::Client;
use hearth_testkit::{Hearth, Person};
use hearth_wire::tools::ToolCreate;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

/// Somebody with a tool of this name.
async fn owner_of(hearth: &Hearth, operator: &Person, tool: &str) -> Result<(Client, Secret)> {
    let owner = hearth.person(operator, &format!("owner-of-{tool}")).await?;
    owner.client.tools().create(&ToolCreate { name: tool.parse()?, description: String::new() }).await?;
    let token = owner.token(&[]).await?;
    Ok((hearth.showing(&token)?, token))
}

/// What a call is answered.
async fn answer(call: hearth_client::Call<'_>) -> Result<(StatusCode, HeaderMap, Vec<u8>)> {
    let (head, body) = call.raw().await?.into_parts();
    Ok((head.status, head.headers, body.collect().await.unwrap().to_bytes().to_vec()))
}

/// The status and the registry's code of a refusal.
async fn refusal(call: hearth_client::Call<'_>) -> Result<(u16, String)> {
    let (status, _, body) = answer(call).await?;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok((status.as_u16(), body["errors"][0]["code"].as_str().unwrap_or_default().to_owned()))
}
