//! Credentials of tools for private repositories: registration, use at the start of builds, and in leases.
//!
//! A secret leaves this service in two ways only: to the server of its address, and in the lease of a build, whose fetch
//! needs it.

mod lease;
mod registry;
mod resolution;
mod secrets;

pub use lease::{covers_source, list_lease_credentials};
pub use registry::{delete_credential, list_credentials, put_credential};
pub use resolution::resolve_ref;
pub use secrets::reseal_secrets;

use hearth_base::{Result, ToolId};

use crate::{context::BuildsContext, git::SourceAddress, store::StoredSourceCredential};

/// Lists the credentials of a tool whose addresses cover a repository, the most exact one first.
async fn list_covering_credentials(
    cx: &BuildsContext,
    tool: ToolId,
    repository: &SourceAddress,
) -> Result<Vec<StoredSourceCredential>> {
    let mut credentials = cx.store.list_source_credentials(tool).await?;
    credentials.retain(|credential| credential.address.covers_repository(repository));
    sort_by_exactness(&mut credentials);
    Ok(credentials)
}

fn sort_by_exactness(credentials: &mut [StoredSourceCredential]) {
    credentials.sort_by_key(|credential| std::cmp::Reverse(credential.address.segment_count()));
}
