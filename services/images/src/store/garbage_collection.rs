//! Queries that find and delete unreferenced rows, under the same locks as new uses.

use hearth_base::{BlobId, RepositoryId, Result};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx, columns::parse_column};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{LockType, Query, SelectStatement},
};

use super::{
    RegistryStore,
    rows::{
        content, garbage, incoming, link, manifest, part, pin, reference, repository, tag, upload,
        upstream_content,
    },
};

/// Rows deleted in one transaction.
const DELETE_BATCH_SIZE: u64 = 100;

impl RegistryStore {
    /// Deletes up to a batch of manifests of a locked repository that are not tagged, pinned or part of an
    /// index, whose subject the repository does not have, and that were last used before `since`. Returns their number; repeat until 0, because the deletion of
    /// an index frees its manifests.
    pub async fn collect_manifests(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        since: Timestamp,
    ) -> Result<usize> {
        let id = repository.to_string();
        let tagged = Query::select()
            .column(tag::Column::Digest)
            .from(tag::Entity)
            .and_where(tag::Column::RepositoryId.eq(&*id))
            .to_owned();
        let pinned = Query::select().column(pin::Column::Digest).from(pin::Entity).to_owned();
        let existing = Query::select()
            .column(manifest::Column::Digest)
            .from(manifest::Entity)
            .and_where(manifest::Column::RepositoryId.eq(&*id))
            .to_owned();
        let without_subject = Condition::any()
            .add(manifest::Column::Subject.is_null())
            .add(manifest::Column::Subject.not_in_subquery(existing));
        let free = manifest::Entity::find()
            .filter(manifest::Column::RepositoryId.eq(&*id))
            .filter(manifest::Column::LastUsed.lt(DbTimestamp::from(since)))
            .filter(manifest::Column::Digest.not_in_subquery(tagged))
            .filter(manifest::Column::Digest.not_in_subquery(pinned))
            .filter(manifest::Column::Digest.not_in_subquery(select_needed_digests(&id)))
            .filter(without_subject)
            .select_only()
            .column(manifest::Column::Digest)
            .limit(DELETE_BATCH_SIZE)
            .into_tuple::<String>()
            .all(&**tx)
            .await
            .or_db_error()?;
        for digest in &free {
            self.delete_manifest(tx, repository, parse_column("manifest.digest", digest)?).await?;
        }
        Ok(free.len())
    }

    /// Removes blobs from a locked repository that none of its manifests refers to, and that were last pushed
    /// or looked up before `since`.
    pub async fn collect_links(&self, tx: &Tx, repository: RepositoryId, since: Timestamp) -> Result<u64> {
        let id = repository.to_string();
        let freed = link::Entity::delete_many()
            .filter(link::Column::RepositoryId.eq(&*id))
            .filter(link::Column::LastUsed.lt(DbTimestamp::from(since)))
            .filter(link::Column::Digest.not_in_subquery(select_needed_digests(&id)))
            .exec(&**tx)
            .await
            .or_db_error()?;
        Ok(freed.rows_affected)
    }

    /// Deletes a locked repository that has no manifest, blob and upload, and was last pushed to before
    /// `since`.
    pub async fn collect_repository(&self, tx: &Tx, id: RepositoryId, since: Timestamp) -> Result<()> {
        let key = id.to_string();
        let manifests = manifest::Entity::find().filter(manifest::Column::RepositoryId.eq(&*key)).limit(1);
        let links = link::Entity::find().filter(link::Column::RepositoryId.eq(&*key)).limit(1);
        let uploads = upload::Entity::find().filter(upload::Column::RepositoryId.eq(&*key)).limit(1);
        if manifests.one(&**tx).await.or_db_error()?.is_some()
            || links.one(&**tx).await.or_db_error()?.is_some()
            || uploads.one(&**tx).await.or_db_error()?.is_some()
        {
            return Ok(());
        }
        repository::Entity::delete_many()
            .filter(repository::Column::Id.eq(key))
            .filter(repository::Column::Updated.lt(DbTimestamp::from(since)))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Marks up to a batch of content that no repository links as garbage, under the lock that a new link
    /// takes too. Returns the number of rows examined.
    pub async fn collect_content(&self, tx: &Tx, since: Timestamp) -> Result<usize> {
        let linked = Query::select().column(link::Column::Digest).from(link::Entity).to_owned();
        let free = content::Entity::find()
            .filter(content::Column::LastUsed.lt(DbTimestamp::from(since)))
            .filter(content::Column::Digest.not_in_subquery(linked))
            .limit(DELETE_BATCH_SIZE)
            .lock(LockType::Update)
            .all(&**tx)
            .await
            .or_db_error()?;
        for row in &free {
            // A transaction that held the lock before may have linked the content: check again under the
            // lock.
            let link = link::Entity::find().filter(link::Column::Digest.eq(&*row.digest)).limit(1);
            if link.one(&**tx).await.or_db_error()?.is_some() {
                continue;
            }
            content::Entity::delete_by_id(row.digest.clone()).exec(&**tx).await.or_db_error()?;
            self.add_garbage(tx, parse_column("content.blob_id", &row.blob_id)?).await?;
        }
        Ok(free.len())
    }

    /// Lists a batch of content to delete.
    pub async fn list_garbage(&self) -> Result<Vec<BlobId>> {
        let rows =
            garbage::Entity::find().limit(DELETE_BATCH_SIZE).all(self.db.reader()).await.or_db_error()?;
        rows.iter().map(|row| parse_column("garbage.blob_id", &row.blob_id)).collect()
    }

    /// Deletes the garbage row of content that has been deleted.
    pub async fn delete_garbage(&self, tx: &Tx, blob: BlobId) -> Result<()> {
        garbage::Entity::delete_by_id(blob.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Returns true if any row refers to this content.
    pub async fn is_referenced(&self, blob: BlobId) -> Result<bool> {
        let id = blob.to_string();
        let db = self.db.reader();
        let content = content::Entity::find().filter(content::Column::BlobId.eq(&*id)).limit(1);
        let upstream =
            upstream_content::Entity::find().filter(upstream_content::Column::BlobId.eq(&*id)).limit(1);
        Ok(content.one(db).await.or_db_error()?.is_some()
            || upstream.one(db).await.or_db_error()?.is_some()
            || part::Entity::find_by_id(id.clone()).one(db).await.or_db_error()?.is_some()
            || incoming::Entity::find_by_id(id.clone()).one(db).await.or_db_error()?.is_some()
            || garbage::Entity::find_by_id(id).one(db).await.or_db_error()?.is_some())
    }
}

/// Selects the digests that the manifests of a repository refer to.
fn select_needed_digests(repository: &str) -> SelectStatement {
    Query::select()
        .column(reference::Column::Digest)
        .from(reference::Entity)
        .and_where(reference::Column::RepositoryId.eq(repository))
        .to_owned()
}
