//! Resolution of a ref at its repository.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_kit::outbound::{
    DocumentRequest, DocumentStream, FetchLimits, OutboundClient, read_redirect_target,
};
use http::{StatusCode, Uri, header};

use super::{RefSearch, RepositoryAddress, RepositoryCredential, ResolvedRef};

/// Very large repositories list several hundred thousand refs.
const REF_LIST_LIMITS: FetchLimits = FetchLimits { max_bytes: 32 << 20, timeout: Duration::from_secs(20) };

/// Resolves `wanted`, or the default branch when it is empty, at a public repository.
pub async fn resolve_remote_ref(
    outbound: &OutboundClient,
    address: &RepositoryAddress,
    wanted: &str,
) -> Result<ResolvedRef> {
    let listed = outbound
        .open_document(&address.refs_url()?, REF_LIST_LIMITS)
        .await
        .map_err(build_unreadable_error)?;
    check_response(&listed, address)?;
    search_ref_list(listed, wanted).await
}

/// Resolves `wanted`, or the default branch when it is empty, in a list of refs. The list is read as a stream, and nothing
/// of it is kept but the result.
pub async fn search_ref_list(mut listed: DocumentStream, wanted: &str) -> Result<ResolvedRef> {
    let mut search = RefSearch::new(wanted);
    while let Some(chunk) = listed.next_chunk().await.map_err(build_unreadable_error)? {
        search.parse_chunk(&chunk)?;
    }
    search.finish_search()
}

/// Response of a server to a request with a credential.
#[derive(Debug)]
pub enum PrivateRefList {
    /// The list of refs.
    Listed(DocumentStream),
    /// The server refused the credential with this status, or has no such repository.
    Refused(StatusCode),
}

/// Opens the list of refs of a private repository. The credential is sent to the repository itself only: to no mirror, and
/// after no redirect but one to the same address with `.git`, which is the usual one of GitLab.
pub async fn open_private_ref_list(
    outbound: &OutboundClient,
    address: &RepositoryAddress,
    credential: &RepositoryCredential,
) -> Result<PrivateRefList> {
    let authorization = credential.build_authorization()?;
    let open = async |url: Uri| {
        let mut request = DocumentRequest::get(url);
        request.headers.insert(header::AUTHORIZATION, authorization.clone());
        outbound.open_without_redirects(request, REF_LIST_LIMITS).await.map_err(build_unreadable_error)
    };
    let url = address.refs_url()?;
    let mut listed = open(url.clone()).await?;
    if let Some(target) = read_redirect_target(&url, &listed).map_err(build_unreadable_error)? {
        let with_suffix = address.refs_url_with_git_suffix()?;
        if target != with_suffix {
            return Err(build_redirect_error(&target));
        }
        listed = open(with_suffix.clone()).await?;
        if let Some(target) = read_redirect_target(&with_suffix, &listed).map_err(build_unreadable_error)? {
            return Err(build_redirect_error(&target));
        }
    }
    match listed.status {
        status @ (StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::GONE) => Ok(PrivateRefList::Refused(status)),
        _ => check_response(&listed, address).map(|()| PrivateRefList::Listed(listed)),
    }
}

fn build_redirect_error(target: &Uri) -> Error {
    let host = target.host().unwrap_or_default();
    let what = format!("the server redirects the repository to another address, at {host:.100?}");
    Error::invalid("repository-moved", what)
        .help("give its new address; a credential is sent to no other address than its own")
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
            .help(format!(
                "check the address with git ls-remote; for a private one: hearth build credentials set {address}"
            )));
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
