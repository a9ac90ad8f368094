//! Content of upstream registries: manifests and blobs by upstream and digest, and the tags that were looked up.

use hearth_base::{BlobId, Digest, Result};
use hearth_kit::db::{
    DbTimestamp, OrDbError, Tx,
    columns::{parse_column, sum_column, to_i64, to_u64},
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict, Query},
};

use super::{
    RegistryStore,
    rows::{upstream_content as row, upstream_tag as tag},
};
use crate::{
    names::TagName,
    upstream::{UpstreamName, UpstreamRepository},
};

/// Rows that are read for deletion at a time.
const DELETE_BATCH_SIZE: u64 = 100;

/// A stored manifest or blob of an upstream.
#[derive(Debug, Clone)]
pub struct UpstreamContent {
    pub digest: Digest,
    pub blob: BlobId,
    pub size: u64,
    /// Media type of a manifest; `None` for a blob.
    pub media_type: Option<String>,
    pub last_used: Timestamp,
}

/// A tag of an upstream, as it was last looked up.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamTag {
    pub digest: Digest,
    pub checked_at: Timestamp,
}

impl TryFrom<row::Model> for UpstreamContent {
    type Error = hearth_base::Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { upstream: _, digest, blob_id, size, media_type, last_used } = row;
        Ok(Self {
            digest: parse_column("upstream_content.digest", &digest)?,
            blob: parse_column("upstream_content.blob_id", &blob_id)?,
            size: to_u64(size),
            media_type,
            last_used: last_used.into(),
        })
    }
}

impl RegistryStore {
    /// Finds stored content of an upstream.
    pub async fn find_upstream_content(
        &self,
        upstream: &UpstreamName,
        digest: Digest,
    ) -> Result<Option<UpstreamContent>> {
        let key = (upstream.to_string(), digest.to_string());
        let found = row::Entity::find_by_id(key).one(self.db.reader()).await.or_db_error()?;
        found.map(UpstreamContent::try_from).transpose()
    }

    /// Inserts content that was just written. If the upstream's content has been stored meanwhile, that stays and
    /// the new bytes are garbage. Returns the id of the bytes that stay.
    pub async fn insert_upstream_content(
        &self,
        tx: &Tx,
        upstream: &UpstreamName,
        content: &UpstreamContent,
    ) -> Result<BlobId> {
        let UpstreamContent { digest, blob, size, media_type, last_used } = content;
        let row = row::ActiveModel {
            upstream: Set(upstream.to_string()),
            digest: Set(digest.to_string()),
            blob_id: Set(blob.to_string()),
            size: Set(to_i64(*size)),
            media_type: Set(media_type.clone()),
            last_used: Set(DbTimestamp::from(*last_used)),
        };
        let mut columns = vec![row::Column::LastUsed];
        columns.extend(media_type.as_ref().map(|_| row::Column::MediaType));
        let update = OnConflict::columns([row::Column::Upstream, row::Column::Digest])
            .update_columns(columns)
            .to_owned();
        row::Entity::insert(row).on_conflict(update).exec_without_returning(&**tx).await.or_db_error()?;
        let key = (upstream.to_string(), digest.to_string());
        let stored = row::Entity::find_by_id(key).one(&**tx).await.or_db_error()?;
        let stored = stored.map(UpstreamContent::try_from).transpose()?;
        let stays = stored.map_or(*blob, |stored| stored.blob);
        if stays != *blob {
            self.add_garbage(tx, *blob).await?;
        }
        Ok(stays)
    }

    /// Records a use of stored content.
    pub async fn touch_upstream_content(
        &self,
        tx: &Tx,
        upstream: &UpstreamName,
        digest: Digest,
        now: Timestamp,
    ) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::LastUsed, Expr::value(DbTimestamp::from(now)))
            .filter(row::Column::Upstream.eq(upstream.as_str()))
            .filter(row::Column::Digest.eq(digest.to_string()))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Sums the bytes that are stored of an upstream.
    pub async fn sum_upstream_bytes(&self, upstream: &UpstreamName) -> Result<u64> {
        let sum = row::Entity::find()
            .select_only()
            .column_as(sum_column(self.db.database_backend(), row::Column::Size), "bytes")
            .filter(row::Column::Upstream.eq(upstream.as_str()))
            .into_tuple::<Option<i64>>()
            .one(self.db.reader())
            .await
            .or_db_error()?;
        Ok(to_u64(sum.flatten().unwrap_or(0)))
    }

    /// Lists a batch of an upstream's content that was last used before `before`, the oldest first.
    pub async fn list_least_used_content(
        &self,
        upstream: &str,
        before: Timestamp,
    ) -> Result<Vec<UpstreamContent>> {
        let query = row::Entity::find()
            .filter(row::Column::Upstream.eq(upstream))
            .filter(row::Column::LastUsed.lt(DbTimestamp::from(before)))
            .order_by_asc(row::Column::LastUsed)
            .limit(DELETE_BATCH_SIZE);
        query.all(self.db.reader()).await.or_db_error()?.into_iter().map(UpstreamContent::try_from).collect()
    }

    /// Deletes stored content, unless it was used since it was read. Its bytes become garbage. Returns true if it was
    /// deleted.
    pub async fn delete_upstream_content(
        &self,
        tx: &Tx,
        upstream: &str,
        content: &UpstreamContent,
    ) -> Result<bool> {
        let deleted = row::Entity::delete_many()
            .filter(row::Column::Upstream.eq(upstream))
            .filter(row::Column::Digest.eq(content.digest.to_string()))
            .filter(row::Column::LastUsed.lte(DbTimestamp::from(content.last_used)))
            .exec(&**tx)
            .await
            .or_db_error()?;
        if deleted.rows_affected == 0 {
            return Ok(false);
        }
        self.add_garbage(tx, content.blob).await.map(|()| true)
    }

    /// Lists the names of the upstreams of which content or tags are stored.
    pub async fn list_stored_upstreams(&self) -> Result<Vec<String>> {
        let content = row::Entity::find().select_only().column(row::Column::Upstream).distinct();
        let tags = tag::Entity::find().select_only().column(tag::Column::Upstream).distinct();
        let mut names = content.into_tuple::<String>().all(self.db.reader()).await.or_db_error()?;
        names.extend(tags.into_tuple::<String>().all(self.db.reader()).await.or_db_error()?);
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Finds a tag that was looked up.
    pub async fn find_upstream_tag(
        &self,
        upstream: &UpstreamName,
        repository: &UpstreamRepository,
        name: &TagName,
    ) -> Result<Option<UpstreamTag>> {
        let key = (upstream.to_string(), repository.to_string(), name.to_string());
        let Some(found) = tag::Entity::find_by_id(key).one(self.db.reader()).await.or_db_error()? else {
            return Ok(None);
        };
        let digest = parse_column("upstream_tag.digest", &found.digest)?;
        Ok(Some(UpstreamTag { digest, checked_at: found.checked_at.into() }))
    }

    /// Records the manifest that a tag points to.
    pub async fn put_upstream_tag(
        &self,
        tx: &Tx,
        upstream: &UpstreamName,
        (repository, name): (&UpstreamRepository, &TagName),
        UpstreamTag { digest, checked_at }: UpstreamTag,
    ) -> Result<()> {
        let row = tag::ActiveModel {
            upstream: Set(upstream.to_string()),
            repository: Set(repository.to_string()),
            name: Set(name.to_string()),
            digest: Set(digest.to_string()),
            checked_at: Set(checked_at.into()),
        };
        let key = [tag::Column::Upstream, tag::Column::Repository, tag::Column::Name];
        let update =
            OnConflict::columns(key).update_columns([tag::Column::Digest, tag::Column::CheckedAt]).to_owned();
        tag::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes a tag that the upstream does not have any more.
    pub async fn delete_upstream_tag(
        &self,
        tx: &Tx,
        upstream: &UpstreamName,
        (repository, name): (&UpstreamRepository, &TagName),
    ) -> Result<()> {
        let key = (upstream.to_string(), repository.to_string(), name.to_string());
        tag::Entity::delete_by_id(key).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the tags of an upstream whose manifests are not stored any more.
    pub async fn delete_dangling_upstream_tags(&self, tx: &Tx, upstream: &str) -> Result<()> {
        let stored = Query::select()
            .column(row::Column::Digest)
            .from(row::Entity)
            .and_where(row::Column::Upstream.eq(upstream))
            .to_owned();
        tag::Entity::delete_many()
            .filter(tag::Column::Upstream.eq(upstream))
            .filter(tag::Column::Digest.not_in_subquery(stored))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }
}
