//! Resolution of refs, with a credential where a tool has one for the repository.

use hearth_base::{Error, Result, ToolId};
use hearth_kit::log_error;
use hearth_wire::builds::{SourceCredentialId, SourceCredentialRefusal};
use http::StatusCode;

use super::list_covering_credentials;
use crate::{
    context::BuildsContext,
    git::{self, PrivateRefList, RepositoryAddress, RepositoryCredential, ResolvedRef, SourceAddress},
    store::{SourceCredentialUse, StoredSourceCredential},
};

/// Resolves a ref at a repository. The tool's most exact credential for the address is sent to the repository.
pub async fn resolve_ref(
    cx: &BuildsContext,
    tool: ToolId,
    address: &RepositoryAddress,
    reference: &str,
) -> Result<ResolvedRef> {
    // An address that no credential can have, such as one with an unusual character, is that of a public repository.
    let credential = match address.to_string().parse::<SourceAddress>() {
        Ok(repository) => list_covering_credentials(cx, tool, &repository).await?.into_iter().next(),
        Err(_) => None,
    };
    let Some(stored) = credential else {
        return git::resolve_remote_ref(&cx.outbound, address, reference).await;
    };
    let secret = cx.vault.decrypt_value(stored.secret_place(), &stored.secret)?;
    let credential = RepositoryCredential { username: stored.username.clone(), secret };
    match git::open_private_ref_list(&cx.outbound, address, &credential).await? {
        PrivateRefList::Listed(listed) => {
            let last_use = SourceCredentialUse { accepted: Some(cx.now()), refusal: None };
            record_use(cx, stored.id, &last_use).await;
            git::search_ref_list(listed, reference).await
        }
        PrivateRefList::Refused(status) => {
            let refusal = Some(SourceCredentialRefusal { at: cx.now(), status: status.as_u16() });
            record_use(cx, stored.id, &SourceCredentialUse { refusal, ..stored.last_use.clone() }).await;
            Err(build_refused_error(address, &stored, status))
        }
    }
}

/// Records the answer of a server. The build does not depend on it.
async fn record_use(cx: &BuildsContext, id: SourceCredentialId, last_use: &SourceCredentialUse) {
    let recorded = async {
        let tx = cx.store.begin().await?;
        cx.store.record_source_credential_use(&tx, id, last_use).await?;
        tx.commit().await
    };
    if let Err(error) = recorded.await {
        log_error!(&error, credential = %id, "use of a source credential not recorded");
    }
}

fn build_refused_error(
    address: &RepositoryAddress,
    credential: &StoredSourceCredential,
    status: StatusCode,
) -> Error {
    let StoredSourceCredential { address: of, username, .. } = credential;
    let what = match status {
        StatusCode::UNAUTHORIZED => {
            format!("the server refused the credential for {of} (user name {username})")
        }
        status => format!(
            "the repository {address} does not exist, or the credential for {of} may not read it (status {})",
            status.as_u16()
        ),
    };
    Error::invalid("repository-unreadable", what)
        .help(format!("check the address, or replace the credential: hearth build credentials set {of}"))
}
