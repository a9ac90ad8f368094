//! Asks a repository for its refs.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_kit::outbound::{Limits, Outbound};
use http::{StatusCode, header};

use super::{Address, Advertised};

/// Very large repositories list some hundred thousand refs.
const LIMITS: Limits = Limits { size: 32 << 20, time: Duration::from_secs(20) };

/// The refs of the repository at an address.
pub async fn advertised(outbound: &Outbound, address: &Address) -> Result<Advertised> {
    let fetched = outbound.get(&address.refs()?, LIMITS).await.map_err(unreadable)?;
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
                format!("the repository cannot be read: its server answers {}", status.as_u16()),
            )
            .help("try again in a moment"));
        }
    }
    let smart = fetched.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if smart.is_none_or(|kind| !kind.starts_with("application/x-git-upload-pack-advertisement")) {
        return Err(Error::invalid(
            "not-a-repository",
            format!("what is at {address} does not answer as a git repository"),
        )
        .help("give the address that git clone takes"));
    }
    Advertised::read(&fetched.content)
}

/// Whatever is in the way of reading a repository is a reason to refuse the build at once.
fn unreadable(cause: Error) -> Error {
    let error = Error::invalid("repository-unreadable", format!("the repository cannot be read: {cause}"));
    match cause.next() {
        Some(help) => error.help(help),
        None => error.help("check the address with git ls-remote"),
    }
    .because(cause)
}
