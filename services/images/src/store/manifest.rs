//! Manifests and their references.

use hearth_base::{Digest, RepositoryId, Result};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx, columns::parse_column};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::{
    RegistryStore,
    referrer::{Referrer, ReferrerColumns},
    rows::{manifest as row, reference},
};

/// Manifests examined in one transaction.
const EXAMINE_BATCH_SIZE: u64 = 20;

/// A manifest in a repository.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub digest: Digest,
    pub media_type: String,
    /// Bytes as they were pushed.
    pub content: Vec<u8>,
}

impl TryFrom<row::Model> for Manifest {
    type Error = hearth_base::Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { digest, media_type, content, .. } = row;
        Ok(Self { digest: parse_column("manifest.digest", &digest)?, media_type, content })
    }
}

impl RegistryStore {
    /// Finds a manifest.
    pub async fn find_manifest(&self, repository: RepositoryId, digest: Digest) -> Result<Option<Manifest>> {
        let key = (repository.to_string(), digest.to_string());
        let found = row::Entity::find_by_id(key).one(self.db.reader()).await.or_db_error()?;
        found.map(Manifest::try_from).transpose()
    }

    /// Returns true if a repository has a manifest, as seen within the transaction.
    pub async fn has_manifest(&self, tx: &Tx, repository: RepositoryId, digest: Digest) -> Result<bool> {
        let key = (repository.to_string(), digest.to_string());
        Ok(row::Entity::find_by_id(key).one(&**tx).await.or_db_error()?.is_some())
    }

    /// Returns true if a manifest of the repository has not been examined for a subject.
    pub async fn has_unexamined_manifest(&self, repository: RepositoryId) -> Result<bool> {
        let query = row::Entity::find()
            .filter(row::Column::RepositoryId.eq(repository.to_string()))
            .filter(row::Column::Subject.is_null())
            .select_only()
            .column(row::Column::Digest)
            .limit(1);
        Ok(query.into_tuple::<String>().one(self.db.reader()).await.or_db_error()?.is_some())
    }

    /// Lists a batch of manifests of a locked repository that have not been examined for a subject.
    pub async fn list_unexamined_manifests(
        &self,
        tx: &Tx,
        repository: RepositoryId,
    ) -> Result<Vec<Manifest>> {
        let query = row::Entity::find()
            .filter(row::Column::RepositoryId.eq(repository.to_string()))
            .filter(row::Column::Subject.is_null())
            .limit(EXAMINE_BATCH_SIZE);
        query.all(&**tx).await.or_db_error()?.into_iter().map(Manifest::try_from).collect()
    }

    /// Inserts or updates a manifest with its references and its subject.
    pub async fn upsert_manifest(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        (manifest, referrer): (&Manifest, Option<Referrer>),
        needs: impl Iterator<Item = Digest>,
        now: Timestamp,
    ) -> Result<()> {
        let Manifest { digest, media_type, content } = manifest;
        let ReferrerColumns { subject, artifact_type, descriptor } = referrer.into();
        let row = row::ActiveModel {
            repository_id: Set(repository.to_string()),
            digest: Set(digest.to_string()),
            media_type: Set(media_type.clone()),
            content: Set(content.clone()),
            last_used: Set(now.into()),
            subject,
            artifact_type,
            descriptor,
        };
        let update = OnConflict::columns([row::Column::RepositoryId, row::Column::Digest])
            .update_columns([
                row::Column::LastUsed,
                row::Column::MediaType,
                row::Column::Subject,
                row::Column::ArtifactType,
                row::Column::Descriptor,
            ])
            .to_owned();
        row::Entity::insert(row).on_conflict(update).exec_without_returning(&**tx).await.or_db_error()?;
        for need in needs {
            let row = reference::ActiveModel {
                repository_id: Set(repository.to_string()),
                manifest: Set(digest.to_string()),
                digest: Set(need.to_string()),
            };
            let update = OnConflict::columns([
                reference::Column::RepositoryId,
                reference::Column::Manifest,
                reference::Column::Digest,
            ])
            .update_column(reference::Column::Digest)
            .to_owned();
            reference::Entity::insert(row)
                .on_conflict(update)
                .exec_without_returning(&**tx)
                .await
                .or_db_error()?;
        }
        Ok(())
    }

    /// Returns true if another manifest of the repository refers to this manifest or blob.
    pub async fn is_needed(&self, tx: &Tx, repository: RepositoryId, digest: Digest) -> Result<bool> {
        let query = reference::Entity::find()
            .filter(reference::Column::RepositoryId.eq(repository.to_string()))
            .filter(reference::Column::Digest.eq(digest.to_string()))
            .limit(1);
        Ok(query.one(&**tx).await.or_db_error()?.is_some())
    }

    /// Deletes a manifest with its references. Returns true if it existed.
    pub async fn delete_manifest(&self, tx: &Tx, repository: RepositoryId, digest: Digest) -> Result<bool> {
        let needs = reference::Entity::delete_many()
            .filter(reference::Column::RepositoryId.eq(repository.to_string()))
            .filter(reference::Column::Manifest.eq(digest.to_string()));
        needs.exec(&**tx).await.or_db_error()?;
        let key = (repository.to_string(), digest.to_string());
        let deleted = row::Entity::delete_by_id(key).exec(&**tx).await.or_db_error()?;
        Ok(deleted.rows_affected > 0)
    }

    /// Restarts the grace period of a manifest that was untagged or unpinned.
    pub async fn restart_grace_period(&self, tx: &Tx, digest: &str, now: Timestamp) -> Result<()> {
        let update =
            row::Entity::update_many().col_expr(row::Column::LastUsed, Expr::value(DbTimestamp::from(now)));
        update.filter(row::Column::Digest.eq(digest)).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds the repositories of these owners that have a manifest.
    pub async fn find_manifest_repositories(
        &self,
        digest: Digest,
        owners: &[String],
    ) -> Result<Vec<RepositoryId>> {
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
            .or_db_error()?;
        rows.iter().map(|id| parse_column("manifest.repository_id", id)).collect()
    }
}
