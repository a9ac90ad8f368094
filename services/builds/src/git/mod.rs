//! Repositories: which addresses are taken, and what a ref is at the moment. Nothing is fetched here but the list
//! of refs.

mod address;
mod advertised;
mod pkt_line;
mod resolve;

pub use address::Address;
pub use advertised::{Advertised, check_ref};
pub use resolve::advertised;
