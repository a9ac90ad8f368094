//! Resolution of a ref at its repository.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_kit::outbound::{DocumentStream, FetchLimits, OutboundClient};
use http::{StatusCode, header};

use super::{RefSearch, RepositoryAddress, ResolvedRef};

/// Very large repositories list several hundred thousand refs.
const REF_LIST_LIMITS: FetchLimits = FetchLimits { max_bytes: 32 << 20, timeout: Duration::from_secs(20) };

/// Resolves `wanted`, or the default branch when it is empty, at the repository. The list of refs is read as a
/// stream, and nothing of it is kept but the result.
pub async fn resolve_remote_ref(
    outbound: &OutboundClient,
    address: &RepositoryAddress,
    wanted: &str,
) -> Result<ResolvedRef> {
    let mut listed = outbound
        .open_document(&address.refs_url()?, REF_LIST_LIMITS)
        .await
        .map_err(build_unreadable_error)?;
    check_response(&listed, address)?;
    let mut search = RefSearch::new(wanted);
    while let Some(chunk) = listed.next_chunk().await.map_err(build_unreadable_error)? {
        search.parse_chunk(&chunk)?;
    }
    search.finish_search()
}

/// Checks that a response is a list of refs.
fn check_response(listed: &DocumentStream, address: &RepositoryAddress) -> Result<()> {
    match listed.status {
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
    let content_type = listed.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_none_or(|kind| !kind.starts_with("application/x-git-upload-pack-advertisement")) {
        return Err(Error::invalid(
            "not-a-repository",
            format!("the server at {address} does not respond as a git repository"),
        )
        .help("give the address that git clone accepts"));
    }
    Ok(())
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
