//! Finding what nothing relies on any more, under the locks that new uses need too.

use hearth_base::{BlobId, RepositoryId, Result};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{LockType, Query, SelectStatement},
};

use super::{
    Store, read,
    rows::{content, link, manifest, part, pin, reference, rubbish, tag},
};

/// How much is deleted in one transaction.
const BATCH: u64 = 100;

impl Store {
    /// Forgets manifests of a repository that was locked which are neither tagged, nor pinned, nor part of
    /// another one, and were let go before `since`. How many; each look may free more, for an index holds others.
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
        let free = manifest::Entity::find()
            .filter(manifest::Column::RepositoryId.eq(&*id))
            .filter(manifest::Column::Since.lt(At::from(since)))
            .filter(manifest::Column::Digest.not_in_subquery(tagged))
            .filter(manifest::Column::Digest.not_in_subquery(pinned))
            .filter(manifest::Column::Digest.not_in_subquery(needed(&id)))
            .select_only()
            .column(manifest::Column::Digest)
            .limit(BATCH)
            .into_tuple::<String>()
            .all(&**tx)
            .await
            .or_fault()?;
        for digest in &free {
            self.manifest_delete(tx, repository, read("manifest.digest", digest)?).await?;
        }
        Ok(free.len())
    }

    /// Takes blobs from a repository that was locked which none of its manifests needs, and which were brought or
    /// asked after before `since`.
    pub async fn collect_links(&self, tx: &Tx, repository: RepositoryId, since: Timestamp) -> Result<u64> {
        let id = repository.to_string();
        let freed = link::Entity::delete_many()
            .filter(link::Column::RepositoryId.eq(&*id))
            .filter(link::Column::Since.lt(At::from(since)))
            .filter(link::Column::Digest.not_in_subquery(needed(&id)))
            .exec(&**tx)
            .await
            .or_fault()?;
        Ok(freed.rows_affected)
    }

    /// Gives up content that no repository has, under the lock that a new link needs too. How much was looked
    /// at.
    pub async fn collect_content(&self, tx: &Tx, since: Timestamp) -> Result<usize> {
        let linked = Query::select().column(link::Column::Digest).from(link::Entity).to_owned();
        let free = content::Entity::find()
            .filter(content::Column::Since.lt(At::from(since)))
            .filter(content::Column::Digest.not_in_subquery(linked))
            .limit(BATCH)
            .lock(LockType::Update)
            .all(&**tx)
            .await
            .or_fault()?;
        for row in &free {
            // Who held the lock before may have linked it: looked at once more, now that nobody else can.
            let link = link::Entity::find().filter(link::Column::Digest.eq(&*row.digest)).limit(1);
            if link.one(&**tx).await.or_fault()?.is_some() {
                continue;
            }
            content::Entity::delete_by_id(row.digest.clone()).exec(&**tx).await.or_fault()?;
            self.discard(tx, read("content.blob_id", &row.blob_id)?).await?;
        }
        Ok(free.len())
    }

    /// Content to be deleted.
    pub async fn rubbish(&self) -> Result<Vec<BlobId>> {
        let rows = rubbish::Entity::find().limit(BATCH).all(self.db.reader()).await.or_fault()?;
        rows.iter().map(|row| read("rubbish.blob_id", &row.blob_id)).collect()
    }

    /// Notes that it has been deleted.
    pub async fn rubbish_gone(&self, tx: &Tx, blob: BlobId) -> Result<()> {
        rubbish::Entity::delete_by_id(blob.to_string()).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Whether any row leads to this content.
    pub async fn is_known(&self, blob: BlobId) -> Result<bool> {
        let id = blob.to_string();
        let db = self.db.reader();
        let content = content::Entity::find().filter(content::Column::BlobId.eq(&*id)).limit(1);
        Ok(content.one(db).await.or_fault()?.is_some()
            || part::Entity::find_by_id(id.clone()).one(db).await.or_fault()?.is_some()
            || rubbish::Entity::find_by_id(id).one(db).await.or_fault()?.is_some())
    }
}

/// What manifests of a repository need.
fn needed(repository: &str) -> SelectStatement {
    Query::select()
        .column(reference::Column::Digest)
        .from(reference::Entity)
        .and_where(reference::Column::RepositoryId.eq(repository))
        .to_owned()
}
