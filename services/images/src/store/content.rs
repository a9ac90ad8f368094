//! Blobs: which repository has which, and where their content is.

use hearth_base::{BlobId, Digest, RepositoryId, Result};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, LockType, OnConflict},
};

use super::{
    Store, read,
    rows::{content as row, link},
    signed, unsigned,
};

/// Where a blob's content is.
#[derive(Debug, Clone, Copy)]
pub struct Content {
    pub digest: Digest,
    pub blob: BlobId,
    pub size: u64,
}

impl TryFrom<row::Model> for Content {
    type Error = hearth_base::Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { digest, blob_id, size, since: _ } = row;
        let (digest, blob) = (read("content.digest", &digest)?, read("content.blob_id", &blob_id)?);
        Ok(Self { digest, blob, size: unsigned(size) })
    }
}

impl Store {
    /// A blob's content, whoever has it.
    pub async fn content(&self, digest: Digest) -> Result<Option<Content>> {
        let found = row::Entity::find_by_id(digest.to_string()).one(self.db.reader()).await.or_fault()?;
        found.map(Content::try_from).transpose()
    }

    /// Since when a repository has a blob, if it has it.
    pub async fn link(&self, repository: RepositoryId, digest: Digest) -> Result<Option<Timestamp>> {
        let key = (repository.to_string(), digest.to_string());
        let found = link::Entity::find_by_id(key).one(self.db.reader()).await.or_fault()?;
        Ok(found.map(|link| link.since.into()))
    }

    /// Whether a repository has a blob, as a change sees it.
    pub async fn has_link(&self, tx: &Tx, repository: RepositoryId, digest: Digest) -> Result<bool> {
        let key = (repository.to_string(), digest.to_string());
        Ok(link::Entity::find_by_id(key).one(&**tx).await.or_fault()?.is_some())
    }

    /// Gives a repository a blob whose content is there already; false when it is not. A collection that looks at
    /// the same content waits, or was first.
    pub async fn link_known(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        digest: Digest,
        now: Timestamp,
    ) -> Result<bool> {
        let query = row::Entity::find_by_id(digest.to_string());
        let known = sea_orm::QuerySelect::lock(query, LockType::Update).one(&**tx).await.or_fault()?;
        if known.is_none() {
            return Ok(false);
        }
        self.link_add(tx, repository, digest, now).await.map(|()| true)
    }

    /// Gives a repository a blob whose content has just been written. Where it is known already, the new
    /// content is rubbish.
    pub async fn link_new(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        content: Content,
        now: Timestamp,
    ) -> Result<()> {
        let Content { digest, blob, size } = content;
        let row = row::ActiveModel {
            digest: Set(digest.to_string()),
            blob_id: Set(blob.to_string()),
            size: Set(signed(size)),
            since: Set(now.into()),
        };
        // Touching a row that is there locks it.
        let known = OnConflict::column(row::Column::Digest).update_column(row::Column::Since).to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault()?;
        let kept = row::Entity::find_by_id(digest.to_string()).one(&**tx).await.or_fault()?;
        if kept.is_some_and(|kept| kept.blob_id != blob.to_string()) {
            self.discard(tx, blob).await?;
        }
        self.link_add(tx, repository, digest, now).await
    }

    async fn link_add(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        digest: Digest,
        now: Timestamp,
    ) -> Result<()> {
        let row = link::ActiveModel {
            repository_id: Set(repository.to_string()),
            digest: Set(digest.to_string()),
            since: Set(now.into()),
        };
        let known = OnConflict::columns([link::Column::RepositoryId, link::Column::Digest])
            .update_column(link::Column::Since)
            .to_owned();
        link::Entity::insert(row)
            .on_conflict(known)
            .exec_without_returning(&**tx)
            .await
            .or_fault()
            .map(|_| ())
    }

    /// Notes that somebody has asked after a blob, and may be about to rely on it. Whether it is still there.
    pub async fn link_touch(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        digest: Digest,
        now: Timestamp,
    ) -> Result<bool> {
        let touched = link::Entity::update_many()
            .col_expr(link::Column::Since, Expr::value(At::from(now)))
            .filter(link::Column::RepositoryId.eq(repository.to_string()))
            .filter(link::Column::Digest.eq(digest.to_string()))
            .exec(&**tx)
            .await
            .or_fault()?;
        Ok(touched.rows_affected > 0)
    }

    /// Takes a blob from a repository. Whether it was there.
    pub async fn link_delete(&self, tx: &Tx, repository: RepositoryId, digest: Digest) -> Result<bool> {
        let key = (repository.to_string(), digest.to_string());
        let deleted = link::Entity::delete_by_id(key).exec(&**tx).await.or_fault()?;
        Ok(deleted.rows_affected > 0)
    }
}
