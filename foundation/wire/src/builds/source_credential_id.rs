//! Ids of source credentials.

use hearth_base::{Id, IdKind};

/// Kind of [`SourceCredentialId`].
#[derive(Debug)]
pub enum SourceCredentialKind {}

impl IdKind for SourceCredentialKind {
    const ID_PREFIX: &'static str = "credential";
}

/// Id of a source credential.
pub type SourceCredentialId = Id<SourceCredentialKind>;
