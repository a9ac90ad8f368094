//! Tags.

use hearth_base::{Cursor, Digest, Limit, Page, RepositoryId, Result};
use hearth_kit::db::{OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};

use super::{Store, read, rows::tag as row};
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
            name: read("tag.name", &name)?,
            digest: read("tag.digest", &digest)?,
            updated: updated.into(),
        })
    }
}

impl Store {
    /// A tag.
    pub async fn tag(&self, repository: RepositoryId, name: &TagName) -> Result<Option<Tag>> {
        let key = (repository.to_string(), name.to_string());
        row::Entity::find_by_id(key).one(self.db.reader()).await.or_fault()?.map(Tag::try_from).transpose()
    }

    /// Tags by name; as the specification has it, that is by their bytes.
    pub async fn tag_list(
        &self,
        repository: RepositoryId,
        limit: Limit,
        after: Option<&str>,
    ) -> Result<Page<Tag>> {
        let mut query = row::Entity::find()
            .filter(row::Column::RepositoryId.eq(repository.to_string()))
            .order_by_asc(row::Column::Name);
        if let Some(after) = after {
            query = query.filter(row::Column::Name.gt(after));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let tags = rows.into_iter().map(Tag::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(tags, limit, |tag: &Tag| tag.name.clone()))
    }

    /// The same, for a list that is paged by cursor.
    pub async fn tag_page(
        &self,
        repository: RepositoryId,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Tag>> {
        let after = cursor.map(Cursor::key::<TagName>).transpose()?;
        self.tag_list(repository, limit, after.as_ref().map(TagName::as_str)).await
    }

    /// Points a tag to a manifest. What it pointed to before is let go. Whether that was something else.
    pub async fn tag_put(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        name: &TagName,
        digest: Digest,
        now: Timestamp,
    ) -> Result<bool> {
        let key = (repository.to_string(), name.to_string());
        let before = row::Entity::find_by_id(key.clone()).one(&**tx).await.or_fault()?;
        let is_same = |before: &row::Model| before.digest == digest.to_string();
        let moved = !before.as_ref().is_some_and(is_same);
        if let Some(before) = before.filter(|before| !is_same(before)) {
            self.manifest_let_go(tx, &before.digest, now).await?;
        }
        let row = row::ActiveModel {
            repository_id: Set(key.0),
            name: Set(key.1),
            digest: Set(digest.to_string()),
            updated: Set(now.into()),
        };
        let known = OnConflict::columns([row::Column::RepositoryId, row::Column::Name])
            .update_columns([row::Column::Digest, row::Column::Updated])
            .to_owned();
        row::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await.or_fault()?;
        Ok(moved)
    }

    /// Takes a tag away. Whether it was there.
    pub async fn tag_delete(
        &self,
        tx: &Tx,
        repository: RepositoryId,
        name: &TagName,
        now: Timestamp,
    ) -> Result<bool> {
        let key = (repository.to_string(), name.to_string());
        let Some(tag) = row::Entity::find_by_id(key.clone()).one(&**tx).await.or_fault()? else {
            return Ok(false);
        };
        self.manifest_let_go(tx, &tag.digest, now).await?;
        row::Entity::delete_by_id(key).exec(&**tx).await.or_fault().map(|_| true)
    }

    /// Takes all tags of a repository away, or those that point to one manifest.
    pub async fn tags_delete(
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
        for tag in query.all(&**tx).await.or_fault()? {
            self.tag_delete(tx, repository, &read("tag.name", &tag.name)?, now).await?;
        }
        Ok(())
    }
}
