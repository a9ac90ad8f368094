//! Ids of linked repositories.

use hearth_base::{Id, IdKind};

/// Kind of [`RepositoryLinkId`].
#[derive(Debug)]
pub enum RepositoryLinkKind {}

impl IdKind for RepositoryLinkKind {
    const ID_PREFIX: &'static str = "link";
}

/// Id of a linked repository.
pub type RepositoryLinkId = Id<RepositoryLinkKind>;
