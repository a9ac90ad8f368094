//! Credentials that the fetch of a leased build needs.

use hearth_base::Result;
use hearth_wire::builds::internal::LeaseSourceCredential;

use super::{list_covering_credentials, sort_by_exactness};
use crate::{
    context::BuildsContext,
    git::SourceAddress,
    store::{Build, StoredSourceCredential},
};

/// Lists the credentials for the fetch of a build, the most exact first: those of its tool for the server of the source, of
/// which submodules and Git LFS objects may need others than the source. A folder that was uploaded needs none.
///
/// A preview gets that of its source only, and for the address of the source only: strangers may write the branch, and with
/// it the addresses of submodules.
pub async fn list_lease_credentials(cx: &BuildsContext, build: &Build) -> Result<Vec<LeaseSourceCredential>> {
    let Some(source) = parse_source(build) else { return Ok(Vec::new()) };
    if build.parameters.preview.is_some() {
        let covering = list_covering_credentials(cx, build.tool, &source).await?;
        let narrowed = covering.into_iter().next().map(|credential| {
            let opened = open_credential(cx, credential)?;
            Ok(LeaseSourceCredential { address: source.to_string(), ..opened })
        });
        return narrowed.into_iter().collect();
    }
    let mut credentials = cx.store.list_source_credentials(build.tool).await?;
    credentials.retain(|credential| credential.address.has_origin_of(&source));
    sort_by_exactness(&mut credentials);
    credentials.into_iter().map(|credential| open_credential(cx, credential)).collect()
}

/// True when one of the credentials of a lease is for its source. Such a source has no mirror, which may not get the secret.
pub fn covers_source(build: &Build, credentials: &[LeaseSourceCredential]) -> bool {
    let Some(source) = parse_source(build) else { return false };
    let addresses =
        credentials.iter().filter_map(|credential| credential.address.parse::<SourceAddress>().ok());
    addresses.into_iter().any(|address| address.covers_repository(&source))
}

fn parse_source(build: &Build) -> Option<SourceAddress> {
    match build.parameters.upload {
        None => build.parameters.source_url.parse().ok(),
        Some(_) => None,
    }
}

fn open_credential(cx: &BuildsContext, credential: StoredSourceCredential) -> Result<LeaseSourceCredential> {
    let secret = cx.vault.decrypt_value(credential.secret_place(), &credential.secret)?;
    let StoredSourceCredential { address, username, .. } = credential;
    Ok(LeaseSourceCredential { address: address.to_string(), username, secret })
}
