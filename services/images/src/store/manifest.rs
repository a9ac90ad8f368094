//! Manifests, and what they need.

use hearth_base::{Digest, RepositoryId, Result};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::{
    Store, read,
    rows::{manifest as row, reference},
};

/// A manifest in a repository.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub digest: Digest,
    pub media_type: String,
    /// To the byte as it was pushed.
    pub content: Vec<u8>,
}

impl TryFrom<row::Model> for Manifest {
    type Error = hearth_base::Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { repository_id: _, digest, media_type, content, since: _ } = row;
        Ok(Self { digest: read("manifest.digest", &digest)?, media_type, content })
    }
}

impl Store {
    /// A manifest.
    pub async fn manifest(&self, repository: RepositoryId, digest: Digest) -> Result<Option<Manifest>> {
        let key = (repository.to_string(), digest.to_string());
        let found = row::Entity::find_by_id(key).one(self.db.reader()).await.or_fault()?;
        found.map(Manifest::try_from).transpose()
    }

    /// Whether a repository has a manifest, as a change sees it.
    pub async fn has_manifest(&self, tx: &Tx, repository: RepositoryId, digest: Digest) -> Result<bool> {
        let key = (repository.to_string(), digest.to_string());
        Ok(row::Entity::find_by_id(key).one(&**tx).await.or_fault()?.is_some())
    }

    /// Keeps a manifest, and what it needs.
    pub async fn manifest_put(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        manifest: &Manifest,
        needs: impl Iterator<Item = Digest>,
        now: Timestamp,
    ) -> Result<()> {
        let Manifest { digest, media_type, content } = manifest;
        let row = row::ActiveModel {
            repository_id: Set(repository.to_string()),
            digest: Set(digest.to_string()),
            media_type: Set(media_type.clone()),
            content: Set(content.clone()),
            since: Set(now.into()),
        };
        let known = OnConflict::columns([row::Column::RepositoryId, row::Column::Digest])
            .update_columns([row::Column::Since, row::Column::MediaType])
            .to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault()?;
        for need in needs {
            let row = reference::ActiveModel {
                repository_id: Set(repository.to_string()),
                manifest: Set(digest.to_string()),
                digest: Set(need.to_string()),
            };
            let known = OnConflict::columns([
                reference::Column::RepositoryId,
                reference::Column::Manifest,
                reference::Column::Digest,
            ])
            .update_column(reference::Column::Digest)
            .to_owned();
            reference::Entity::insert(row)
                .on_conflict(known)
                .exec_without_returning(&**tx)
                .await
                .or_fault()?;
        }
        Ok(())
    }

    /// Whether another manifest of the repository needs this one, or this blob.
    pub async fn is_needed(&self, tx: &Tx, repository: RepositoryId, digest: Digest) -> Result<bool> {
        let query = reference::Entity::find()
            .filter(reference::Column::RepositoryId.eq(repository.to_string()))
            .filter(reference::Column::Digest.eq(digest.to_string()))
            .limit(1);
        Ok(query.one(&**tx).await.or_fault()?.is_some())
    }

    /// Forgets a manifest and what it needed. Whether it was there.
    pub async fn manifest_delete(&self, tx: &Tx, repository: RepositoryId, digest: Digest) -> Result<bool> {
        let needs = reference::Entity::delete_many()
            .filter(reference::Column::RepositoryId.eq(repository.to_string()))
            .filter(reference::Column::Manifest.eq(digest.to_string()));
        needs.exec(&**tx).await.or_fault()?;
        let key = (repository.to_string(), digest.to_string());
        let deleted = row::Entity::delete_by_id(key).exec(&**tx).await.or_fault()?;
        Ok(deleted.rows_affected > 0)
    }

    /// Notes that something let go of a manifest: its time of grace begins.
    pub async fn manifest_let_go(&self, tx: &Tx, digest: &str, now: Timestamp) -> Result<()> {
        let update = row::Entity::update_many().col_expr(row::Column::Since, Expr::value(At::from(now)));
        update.filter(row::Column::Digest.eq(digest)).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// A repository of one of these owners that has a manifest.
    pub async fn manifest_home(&self, digest: Digest, owners: &[String]) -> Result<Vec<RepositoryId>> {
        use super::rows::repository;
        let owned = sea_orm::sea_query::Query::select()
            .column(repository::Column::Id)
            .from(repository::Entity)
            .and_where(repository::Column::Owner.is_in(owners))
            .to_owned();
        let rows = row::Entity::find()
            .filter(row::Column::Digest.eq(digest.to_string()))
            .filter(row::Column::RepositoryId.in_subquery(owned))
            .select_only()
            .column(row::Column::RepositoryId)
            .into_tuple::<String>()
            .all(self.db.reader())
            .await
            .or_fault()?;
        rows.iter().map(|id| read("manifest.repository_id", id)).collect()
    }
}
