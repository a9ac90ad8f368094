//! Tags.

use hearth_base::{Digest, Page, PageCursor, PageLimit, RepositoryId, Result};
use hearth_kit::db::{OrDbError, Tx, columns::parse_column};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};

use super::{RegistryStore, rows::tag as row};
use crate::names::TagName;

/// A name for a manifest.
#[derive(Debug, Clone)]
pub struct Tag {
    pub name: TagName,
    pub digest: Digest,
    pub updated: Timestamp,
}

impl TryFrom<row::Model> for Tag {
    type Error = hearth_base::Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { repository_id: _, name, digest, updated } = row;
        Ok(Self {
            name: parse_column("tag.name", &name)?,
            digest: parse_column("tag.digest", &digest)?,
            updated: updated.into(),
        })
    }
}

impl RegistryStore {
    /// Finds a tag.
    pub async fn find_tag(&self, repository: RepositoryId, name: &TagName) -> Result<Option<Tag>> {
        let key = (repository.to_string(), name.to_string());
        row::Entity::find_by_id(key).one(self.db.reader()).await.or_db_error()?.map(Tag::try_from).transpose()
    }

    /// Lists tags by name, in the order of their bytes (OCI distribution specification, "Listing Tags").
    pub async fn list_tags(
        &self,
        repository: RepositoryId,
        limit: PageLimit,
        after: Option<&str>,
    ) -> Result<Page<Tag>> {
        let mut query = row::Entity::find()
            .filter(row::Column::RepositoryId.eq(repository.to_string()))
            .order_by_asc(row::Column::Name);
        if let Some(after) = after {
            query = query.filter(row::Column::Name.gt(after));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let tags = rows.into_iter().map(Tag::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(tags, limit, |tag: &Tag| tag.name.clone()))
    }

    /// Lists tags by name after a cursor.
    pub async fn list_tags_by_cursor(
        &self,
        repository: RepositoryId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Tag>> {
        let after = cursor.map(PageCursor::parse_key::<TagName>).transpose()?;
        self.list_tags(repository, limit, after.as_ref().map(TagName::as_str)).await
    }

    /// Points a tag to a manifest, and restarts the grace period of the previous one. Returns true if the tag
    /// is new or moved.
    pub async fn put_tag(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        name: &TagName,
        digest: Digest,
        now: Timestamp,
    ) -> Result<bool> {
        let key = (repository.to_string(), name.to_string());
        let before = row::Entity::find_by_id(key.clone()).one(&**tx).await.or_db_error()?;
        let is_same = |before: &row::Model| before.digest == digest.to_string();
        let moved = !before.as_ref().is_some_and(is_same);
        if let Some(before) = before.filter(|before| !is_same(before)) {
            self.restart_grace_period(tx, &before.digest, now).await?;
        }
        let row = row::ActiveModel {
            repository_id: Set(key.0),
            name: Set(key.1),
            digest: Set(digest.to_string()),
            updated: Set(now.into()),
        };
        let update = OnConflict::columns([row::Column::RepositoryId, row::Column::Name])
            .update_columns([row::Column::Digest, row::Column::Updated])
            .to_owned();
        row::Entity::insert(row).on_conflict(update).exec_without_returning(&**tx).await.or_db_error()?;
        Ok(moved)
    }

    /// Deletes a tag. Returns true if it existed.
    pub async fn delete_tag(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        name: &TagName,
        now: Timestamp,
    ) -> Result<bool> {
        let key = (repository.to_string(), name.to_string());
        let Some(tag) = row::Entity::find_by_id(key.clone()).one(&**tx).await.or_db_error()? else {
            return Ok(false);
        };
        self.restart_grace_period(tx, &tag.digest, now).await?;
        row::Entity::delete_by_id(key).exec(&**tx).await.or_db_error().map(|_| true)
    }

    /// Deletes all tags of a repository, or those that point to one manifest.
    pub async fn delete_tags(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        digest: Option<Digest>,
        now: Timestamp,
    ) -> Result<()> {
        let mut query = row::Entity::find().filter(row::Column::RepositoryId.eq(repository.to_string()));
        if let Some(digest) = digest {
            query = query.filter(row::Column::Digest.eq(digest.to_string()));
        }
        for tag in query.all(&**tx).await.or_db_error()? {
            self.delete_tag(tx, repository, &parse_column("tag.name", &tag.name)?, now).await?;
        }
        Ok(())
    }
}
