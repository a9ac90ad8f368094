//! Fetches the refs of a repository.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_kit::outbound::{FetchLimits, OutboundClient};
use http::{StatusCode, header};

use super::{RefAdvertisement, RepositoryAddress};

/// Very large repositories list several hundred thousand refs.
const REF_LIST_LIMITS: FetchLimits = FetchLimits { max_bytes: 32 << 20, timeout: Duration::from_secs(20) };

/// Fetches the refs of the repository at an address.
pub async fn fetch_refs(outbound: &OutboundClient, address: &RepositoryAddress) -> Result<RefAdvertisement> {
    let fetched = outbound
        .fetch_document(&address.refs_url()?, REF_LIST_LIMITS)
        .await
        .map_err(build_unreadable_error)?;
    match fetched.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
            return Err(Error::invalid(
                "repository-unreadable",
                format!("there is no public repository at {address}"),
            )
            .help("check the address with git ls-remote, or upload the folder instead"));
        }
        status => {
            return Err(Error::invalid(
                "repository-unreadable",
                format!("the repository cannot be read: its server returned status {}", status.as_u16()),
            )
            .help("try again in a moment"));
        }
    }
    let content_type = fetched.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_none_or(|kind| !kind.starts_with("application/x-git-upload-pack-advertisement")) {
        return Err(Error::invalid(
            "not-a-repository",
            format!("the server at {address} does not respond as a git repository"),
        )
        .help("give the address that git clone accepts"));
    }
    RefAdvertisement::parse(&fetched.content)
}

/// Turns each error of the request into an invalid-input error, so that the build is refused at once.
fn build_unreadable_error(cause: Error) -> Error {
    let error = Error::invalid("repository-unreadable", format!("the repository cannot be read: {cause}"));
    match cause.help_text() {
        Some(help) => error.help(help),
        None => error.help("check the address with git ls-remote"),
    }
    .with_cause(cause)
}
