//! Blobs: links between repositories and content, and the location of content.

use hearth_base::{BlobId, Digest, RepositoryId, Result};
use hearth_kit::db::{
    DbTimestamp, OrDbError, Tx,
    columns::{parse_column, to_i64, to_u64},
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, LockType, OnConflict, Query},
};

use super::{
    RegistryStore,
    rows::{content as row, link, repository},
};

/// Location of a blob's content.
#[derive(Debug, Clone, Copy)]
pub struct BlobContent {
    pub digest: Digest,
    pub blob: BlobId,
    pub size: u64,
}

impl TryFrom<row::Model> for BlobContent {
    type Error = hearth_base::Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { digest, blob_id, size, last_used: _ } = row;
        let (digest, blob) =
            (parse_column("content.digest", &digest)?, parse_column("content.blob_id", &blob_id)?);
        Ok(Self { digest, blob, size: to_u64(size) })
    }
}

impl RegistryStore {
    /// Finds a blob's content, independent of the repository.
    pub async fn find_content(&self, digest: Digest) -> Result<Option<BlobContent>> {
        let found = row::Entity::find_by_id(digest.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(BlobContent::try_from).transpose()
    }

    /// Finds the time of the last push or lookup of a blob in a repository; `None` if the repository does not
    /// have it.
    pub async fn find_link(&self, repository: RepositoryId, digest: Digest) -> Result<Option<Timestamp>> {
        let key = (repository.to_string(), digest.to_string());
        let found = link::Entity::find_by_id(key).one(self.db.reader()).await.or_db_error()?;
        Ok(found.map(|link| link.last_used.into()))
    }

    /// Finds the size of a blob of a repository, as seen within the transaction; `None` if the repository
    /// does not have it.
    pub async fn find_linked_size(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        digest: Digest,
    ) -> Result<Option<u64>> {
        let key = (repository.to_string(), digest.to_string());
        if link::Entity::find_by_id(key).one(&**tx).await.or_db_error()?.is_none() {
            return Ok(None);
        }
        let content = row::Entity::find_by_id(digest.to_string()).one(&**tx).await.or_db_error()?;
        Ok(content.map(|content| to_u64(content.size)))
    }

    /// Finds a blob's content if a repository of one of these owners has it.
    pub async fn find_owned_content(&self, digest: Digest, owners: &[String]) -> Result<Option<BlobContent>> {
        let owned = Query::select()
            .column(repository::Column::Id)
            .from(repository::Entity)
            .and_where(repository::Column::Owner.is_in(owners))
            .to_owned();
        let linked = link::Entity::find()
            .filter(link::Column::Digest.eq(digest.to_string()))
            .filter(link::Column::RepositoryId.in_subquery(owned))
            .limit(1);
        match linked.one(self.db.reader()).await.or_db_error()? {
            Some(_) => self.find_content(digest).await,
            None => Ok(None),
        }
    }

    /// Links a blob whose content exists; false when it does not. The row lock serializes this with garbage
    /// collection.
    pub async fn link_existing(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        digest: Digest,
        now: Timestamp,
    ) -> Result<bool> {
        let query = row::Entity::find_by_id(digest.to_string()).lock(LockType::Update);
        let existing = query.one(&**tx).await.or_db_error()?;
        if existing.is_none() {
            return Ok(false);
        }
        self.upsert_link(tx, repository, digest, now).await.map(|()| true)
    }

    /// Links a blob whose content has just been written. If the registry already had it, the new content is
    /// garbage.
    pub async fn link_new_content(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        content: BlobContent,
        now: Timestamp,
    ) -> Result<()> {
        let BlobContent { digest, blob, size } = content;
        let row = row::ActiveModel {
            digest: Set(digest.to_string()),
            blob_id: Set(blob.to_string()),
            size: Set(to_i64(size)),
            last_used: Set(now.into()),
        };
        // The update of an existing row locks it against garbage collection.
        let update = OnConflict::column(row::Column::Digest).update_column(row::Column::LastUsed).to_owned();
        row::Entity::insert(row).on_conflict(update).exec_without_returning(&**tx).await.or_db_error()?;
        let stored = row::Entity::find_by_id(digest.to_string()).one(&**tx).await.or_db_error()?;
        if stored.is_some_and(|stored| stored.blob_id != blob.to_string()) {
            self.add_garbage(tx, blob).await?;
        }
        self.upsert_link(tx, repository, digest, now).await
    }

    async fn upsert_link(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        digest: Digest,
        now: Timestamp,
    ) -> Result<()> {
        let row = link::ActiveModel {
            repository_id: Set(repository.to_string()),
            digest: Set(digest.to_string()),
            last_used: Set(now.into()),
        };
        let update = OnConflict::columns([link::Column::RepositoryId, link::Column::Digest])
            .update_column(link::Column::LastUsed)
            .to_owned();
        link::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Renews the grace period of a blob after a lookup. False if the repository does not have the blob any
    /// more.
    pub async fn touch_link(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        digest: Digest,
        now: Timestamp,
    ) -> Result<bool> {
        let touched = link::Entity::update_many()
            .col_expr(link::Column::LastUsed, Expr::value(DbTimestamp::from(now)))
            .filter(link::Column::RepositoryId.eq(repository.to_string()))
            .filter(link::Column::Digest.eq(digest.to_string()))
            .exec(&**tx)
            .await
            .or_db_error()?;
        Ok(touched.rows_affected > 0)
    }

    /// Removes a blob from a repository. Returns true if it was there.
    pub async fn delete_link(&self, tx: &Tx, repository: RepositoryId, digest: Digest) -> Result<bool> {
        let key = (repository.to_string(), digest.to_string());
        let deleted = link::Entity::delete_by_id(key).exec(&**tx).await.or_db_error()?;
        Ok(deleted.rows_affected > 0)
    }
}
