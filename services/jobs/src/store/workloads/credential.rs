//! Credentials of workloads: the tokens in their containers.

use hearth_base::TokenId;
use jiff::Timestamp;

/// A token in the containers of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCredential {
    pub id: TokenId,
    pub expires: Timestamp,
}
