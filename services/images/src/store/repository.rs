//! Repositories.

use hearth_base::{Cursor, Limit, Page, RepositoryId, Result, ToolId};
use hearth_kit::{
    db::{OrFault, Tx, columns::sum_of},
    tool_state::lock_existing_tool,
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType, OnConflict, Query},
};

use super::{
    Store, read,
    rows::{content, link, manifest, part, pin, reference, repository as row, rubbish, tag, upload},
    unsigned,
};
use crate::names::{ImageName, Space};

/// A repository.
#[derive(Debug, Clone)]
pub struct Repository {
    pub id: RepositoryId,
    /// A tool's id, or `hearth`.
    pub owner: String,
    /// The tool's name when something was last pushed.
    pub tool_name: String,
    pub name: ImageName,
    pub updated: Timestamp,
}

impl TryFrom<row::Model> for Repository {
    type Error = hearth_base::Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, owner, tool_name, name, updated } = row;
        let (id, name) = (read("repository.id", &id)?, read("repository.name", &name)?);
        Ok(Self { id, owner, tool_name, name, updated: updated.into() })
    }
}

#[derive(FromQueryResult)]
struct Size {
    repository_id: String,
    size: i64,
}

impl Store {
    /// A repository by its name.
    pub async fn repository(&self, owner: &str, name: &ImageName) -> Result<Option<Repository>> {
        let query = row::Entity::find().filter(row::Column::Owner.eq(owner));
        let query = query.filter(row::Column::Name.eq(name.as_str()));
        query.one(self.db.reader()).await.or_fault()?.map(Repository::try_from).transpose()
    }

    /// A repository by its name, made when there is none, and locked for a change.
    pub async fn repository_for(
        &self,
        tx: &Tx,
        new: RepositoryId,
        space: &Space,
        name: &ImageName,
        now: Timestamp,
    ) -> Result<Repository> {
        let tool_name = match space {
            Space::Provided => String::new(),
            Space::Tool(tool, name) => {
                lock_existing_tool(tx, *tool).await?;
                name.to_string()
            }
        };
        let added = row::ActiveModel {
            id: Set(new.to_string()),
            owner: Set(space.owner()),
            tool_name: Set(tool_name),
            name: Set(name.to_string()),
            updated: Set(now.into()),
        };
        let known = OnConflict::columns([row::Column::Owner, row::Column::Name])
            .update_columns([row::Column::Updated, row::Column::ToolName])
            .to_owned();
        row::Entity::insert(added).on_conflict(known).exec_without_returning(&**tx).await.or_fault()?;
        let query = row::Entity::find().filter(row::Column::Owner.eq(space.owner()));
        let query = query.filter(row::Column::Name.eq(name.as_str())).lock(LockType::Update);
        let found = query.one(&**tx).await.or_fault()?;
        found.ok_or_else(|| hearth_base::Error::internal("a repository vanished"))?.try_into()
    }

    /// A repository, locked for a change; `None` when it is gone by now.
    pub async fn repository_locked(&self, tx: &Tx, id: RepositoryId) -> Result<Option<Repository>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_fault()?.map(Repository::try_from).transpose()
    }

    /// Repositories with something in them, by name: an owner's, or all tools'.
    pub async fn repository_list(
        &self,
        owner: Option<&str>,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Repository>> {
        let filled = Query::select().column(tag::Column::RepositoryId).from(tag::Entity).to_owned();
        let mut query = row::Entity::find().filter(row::Column::Id.in_subquery(filled));
        match owner {
            Some(owner) => {
                query = query.filter(row::Column::Owner.eq(owner)).order_by_asc(row::Column::Name);
                if let Some(cursor) = cursor {
                    query = query.filter(row::Column::Name.gt(cursor.key::<String>().unwrap_or_default()));
                }
            }
            None => {
                query =
                    query.filter(row::Column::Owner.ne(crate::names::PROVIDED)).order_by_asc(row::Column::Id);
                if let Some(cursor) = cursor {
                    query = query.filter(row::Column::Id.gt(cursor.key::<RepositoryId>()?.to_string()));
                }
            }
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let found: Vec<Repository> = rows.into_iter().map(Repository::try_from).collect::<Result<_>>()?;
        let by_name = owner.is_some();
        Ok(Page::cut(
            found,
            limit,
            |found: &Repository| {
                if by_name { found.name.to_string() } else { found.id.to_string() }
            },
        ))
    }

    /// What the blobs of each of these repositories hold together.
    pub async fn sizes(&self, repositories: &[Repository]) -> Result<Vec<(RepositoryId, u64)>> {
        let ids = repositories.iter().map(|repository| repository.id.to_string());
        let joined = link::Entity::belongs_to(content::Entity)
            .from(link::Column::Digest)
            .to(content::Column::Digest)
            .into();
        let sizes = link::Entity::find()
            .select_only()
            .column(link::Column::RepositoryId)
            .column_as(sum_of(self.db.backend(), content::Column::Size), "size")
            .join(JoinType::InnerJoin, joined)
            .filter(link::Column::RepositoryId.is_in(ids))
            .group_by(link::Column::RepositoryId)
            .into_model::<Size>()
            .all(self.db.reader())
            .await
            .or_fault()?;
        let read_one =
            |Size { repository_id, size }| Ok((read("link.repository_id", &repository_id)?, unsigned(size)));
        sizes.into_iter().map(read_one).collect()
    }

    /// The ids of all repositories after one, in order, a thousand at a time.
    pub async fn repository_ids(
        &self,
        owner: Option<&str>,
        after: Option<RepositoryId>,
    ) -> Result<Vec<RepositoryId>> {
        let mut query = row::Entity::find().order_by_asc(row::Column::Id).limit(1000);
        if let Some(owner) = owner {
            query = query.filter(row::Column::Owner.eq(owner));
        }
        if let Some(after) = after {
            query = query.filter(row::Column::Id.gt(after.to_string()));
        }
        let rows = query.all(self.db.reader()).await.or_fault()?;
        rows.iter().map(|row| read("repository.id", &row.id)).collect()
    }

    /// Forgets a repository and everything in it. Content that nothing else links is collected later; that of
    /// uploads under way at the next turn.
    pub async fn repository_erase(&self, tx: &Tx, id: RepositoryId) -> Result<()> {
        let id = id.to_string();
        let uploads = Query::select()
            .column(upload::Column::Id)
            .from(upload::Entity)
            .and_where(upload::Column::RepositoryId.eq(&*id))
            .to_owned();
        let parts = part::Entity::find().filter(part::Column::UploadId.in_subquery(uploads.clone()));
        for part in parts.all(&**tx).await.or_fault()? {
            self.discard(tx, read("part.blob_id", &part.blob_id)?).await?;
        }
        let parts = part::Entity::delete_many().filter(part::Column::UploadId.in_subquery(uploads));
        parts.exec(&**tx).await.or_fault()?;
        upload::Entity::delete_many()
            .filter(upload::Column::RepositoryId.eq(&*id))
            .exec(&**tx)
            .await
            .or_fault()?;
        tag::Entity::delete_many().filter(tag::Column::RepositoryId.eq(&*id)).exec(&**tx).await.or_fault()?;
        let references = reference::Entity::delete_many().filter(reference::Column::RepositoryId.eq(&*id));
        references.exec(&**tx).await.or_fault()?;
        let manifests = manifest::Entity::delete_many().filter(manifest::Column::RepositoryId.eq(&*id));
        manifests.exec(&**tx).await.or_fault()?;
        link::Entity::delete_many()
            .filter(link::Column::RepositoryId.eq(&*id))
            .exec(&**tx)
            .await
            .or_fault()?;
        row::Entity::delete_by_id(id).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Forgets what was relied on in the name of a tool.
    pub async fn pins_erase(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let pins = pin::Entity::delete_many().filter(pin::Column::ToolId.eq(tool.to_string()));
        pins.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Notes content to be deleted, as part of what made it useless.
    pub async fn discard(&self, tx: &Tx, blob: hearth_base::BlobId) -> Result<()> {
        let row = rubbish::ActiveModel { blob_id: Set(blob.to_string()) };
        let twice = OnConflict::column(rubbish::Column::BlobId)
            .value(rubbish::Column::BlobId, Expr::col((rubbish::Entity, rubbish::Column::BlobId)))
            .to_owned();
        rubbish::Entity::insert(row)
            .on_conflict(twice)
            .exec_without_returning(&**tx)
            .await
            .or_fault()
            .map(|_| ())
    }
}
