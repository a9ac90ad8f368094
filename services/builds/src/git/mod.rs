//! Git repositories: validation of addresses and resolution of refs. Only the list of refs is fetched here.

mod address;
mod pkt_line;
mod ref_advertisement;
mod ref_discovery;

pub use address::RepositoryAddress;
pub use ref_advertisement::{RefAdvertisement, check_ref};
pub use ref_discovery::fetch_refs;
