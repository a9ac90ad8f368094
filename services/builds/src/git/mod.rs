//! Git repositories: validation of addresses and resolution of refs. Only the list of refs is fetched here.

mod address;
mod pkt_line;
mod ref_discovery;
mod ref_search;
mod repository_credential;
mod source_address;

pub use address::RepositoryAddress;
pub use ref_discovery::{PrivateRefList, open_private_ref_list, resolve_remote_ref, search_ref_list};
pub use ref_search::{RefSearch, ResolvedRef, check_ref};
pub use repository_credential::RepositoryCredential;
pub use source_address::SourceAddress;
