//! One tool or one address tries to exhaust a part of a Hearth; the others and the host are not disturbed.

mod connections;
mod disk;
mod image_bombs;
mod neighbor;
mod registry;

use std::{fs, path::Path};

use hearth_base::{Digest, Error, Result};
use hearth_client::{Call, Client};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use sha2::{Digest as _, Sha256};

/// Sends a call to the registry. Returns the status and the code of the refusal.
async fn send_to_registry(call: Call<'_>) -> Result<(StatusCode, String)> {
    let (head, body) = call.send_raw().await?.into_parts();
    let body = body.collect().await.map_err(Error::internal)?.to_bytes();
    let refusal: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok((head.status, refusal["errors"][0]["code"].as_str().unwrap_or_default().to_owned()))
}

/// Begins an upload and returns its address, or the refusal.
async fn begin_upload(client: &Client, repository: &str) -> Result<std::result::Result<String, StatusCode>> {
    let call = client.build_call(Method::POST, &format!("/v2/{repository}/blobs/uploads"));
    let reply = call.send_raw().await?;
    if reply.status() != StatusCode::ACCEPTED {
        return Ok(Err(reply.status()));
    }
    let location = reply.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    Ok(Ok(location.unwrap_or_default().to_owned()))
}

/// Pushes a blob in one request.
async fn push_blob(client: &Client, repository: &str, content: Vec<u8>) -> Result<(StatusCode, String)> {
    let path = format!("/v2/{repository}/blobs/uploads?digest={}", compute_digest(&content));
    send_to_registry(
        client.build_call(Method::POST, &path).content_bytes("application/octet-stream", content),
    )
    .await
}

fn compute_digest(content: &[u8]) -> Digest {
    Digest::new(Sha256::digest(content).into())
}

/// Sums the sizes of all files below a folder.
fn sum_file_sizes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok);
    let sizes = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => sum_file_sizes(&entry.path()),
        _ => entry.metadata().map_or(0, |file| file.len()),
    });
    sizes.sum()
}
