//! Git repositories: validation of addresses and resolution of refs. Only the list of refs is fetched here.

mod address;
mod pkt_line;
mod ref_discovery;
mod ref_search;

pub use address::RepositoryAddress;
pub use ref_discovery::resolve_remote_ref;
pub use ref_search::{RefSearch, ResolvedRef, check_ref};
