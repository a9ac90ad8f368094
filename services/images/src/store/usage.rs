//! Use of the registry by one owner, for its quota.

use hearth_base::Result;
use hearth_kit::db::{
    DbTimestamp, OrDbError,
    columns::{sum_column, sum_lengths, to_u64},
};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::{Query, SelectStatement},
};

use super::{
    RegistryStore,
    rows::{content, incoming, link, manifest, part, repository, tag, upload},
};
use crate::names::PROVIDED_OWNER;

/// Use of the registry by one owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegistryUsage {
    /// Bytes of blobs (each counts once, and not if a provided image has it), manifests and uploads, also of
    /// those that are being received.
    pub bytes: u64,
    /// Blobs in all repositories.
    pub blobs: u64,
    pub manifests: u64,
    pub tags: u64,
    pub repositories: u64,
    /// Unfinished uploads.
    pub uploads: u64,
}

impl RegistryStore {
    /// Measures the use by an owner. Content that is being received counts if it was touched after
    /// `active_since`.
    pub async fn measure_usage(
        &self,
        connection: &impl ConnectionTrait,
        owner: &str,
        active_since: Timestamp,
    ) -> Result<RegistryUsage> {
        let backend = self.db.database_backend();
        let own = select_repositories(owner);
        let uploads = Query::select()
            .column(upload::Column::Id)
            .from(upload::Entity)
            .and_where(upload::Column::RepositoryId.in_subquery(own.clone()))
            .to_owned();
        let blob_bytes = content::Entity::find()
            .select_only()
            .column_as(sum_column(backend, content::Column::Size), "bytes")
            .filter(content::Column::Digest.in_subquery(select_linked_digests(own.clone())))
            .filter(
                content::Column::Digest
                    .not_in_subquery(select_linked_digests(select_repositories(PROVIDED_OWNER))),
            );
        let part_bytes = part::Entity::find()
            .select_only()
            .column_as(sum_column(backend, part::Column::Size), "bytes")
            .filter(part::Column::UploadId.in_subquery(uploads));
        let incoming_bytes = incoming::Entity::find()
            .select_only()
            .column_as(sum_column(backend, incoming::Column::Size), "bytes")
            .filter(incoming::Column::Owner.eq(owner))
            .filter(incoming::Column::Touched.gt(DbTimestamp::from(active_since)));
        let manifest_bytes = manifest::Entity::find()
            .select_only()
            .column_as(sum_lengths(backend, manifest::Column::Content), "bytes")
            .filter(manifest::Column::RepositoryId.in_subquery(own.clone()));
        let mut bytes = 0_u64;
        for sum in [
            blob_bytes.into_tuple::<Option<i64>>().one(connection).await.or_db_error()?,
            part_bytes.into_tuple::<Option<i64>>().one(connection).await.or_db_error()?,
            incoming_bytes.into_tuple::<Option<i64>>().one(connection).await.or_db_error()?,
            manifest_bytes.into_tuple::<Option<i64>>().one(connection).await.or_db_error()?,
        ] {
            bytes = bytes.saturating_add(to_u64(sum.flatten().unwrap_or(0)));
        }
        let blobs = link::Entity::find().filter(link::Column::RepositoryId.in_subquery(own.clone()));
        let manifests =
            manifest::Entity::find().filter(manifest::Column::RepositoryId.in_subquery(own.clone()));
        let tags = tag::Entity::find().filter(tag::Column::RepositoryId.in_subquery(own.clone()));
        let uploads = upload::Entity::find().filter(upload::Column::RepositoryId.in_subquery(own));
        let repositories = repository::Entity::find().filter(repository::Column::Owner.eq(owner));
        Ok(RegistryUsage {
            bytes,
            blobs: blobs.count(connection).await.or_db_error()?,
            manifests: manifests.count(connection).await.or_db_error()?,
            tags: tags.count(connection).await.or_db_error()?,
            repositories: repositories.count(connection).await.or_db_error()?,
            uploads: uploads.count(connection).await.or_db_error()?,
        })
    }
}

/// Selects the ids of an owner's repositories.
fn select_repositories(owner: &str) -> SelectStatement {
    Query::select()
        .column(repository::Column::Id)
        .from(repository::Entity)
        .and_where(repository::Column::Owner.eq(owner))
        .to_owned()
}

/// Selects the digests of the blobs that these repositories have.
fn select_linked_digests(repositories: SelectStatement) -> SelectStatement {
    Query::select()
        .column(link::Column::Digest)
        .from(link::Entity)
        .and_where(link::Column::RepositoryId.in_subquery(repositories))
        .to_owned()
}
