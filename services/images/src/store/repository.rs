//! Repositories.

use hearth_base::{Page, PageCursor, PageLimit, RepositoryId, Result, ToolId};
use hearth_kit::{
    db::{
        OrDbError, Tx,
        columns::{parse_column, sum_column, to_u64},
    },
    tool_state::lock_existing_tool,
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType, OnConflict, Query},
};

use super::{
    RegistryStore,
    rows::{content, garbage, link, manifest, part, pin, reference, repository as row, tag, upload},
};
use crate::names::{ImageName, RepositoryOwner};

/// A repository.
#[derive(Debug, Clone)]
pub struct Repository {
    pub id: RepositoryId,
    /// Id of a tool, or `hearth`.
    pub owner: String,
    /// Name of the tool at the last push.
    pub tool_name: String,
    pub name: ImageName,
    pub updated: Timestamp,
}

impl TryFrom<row::Model> for Repository {
    type Error = hearth_base::Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, owner, tool_name, name, updated } = row;
        let (id, name) = (parse_column("repository.id", &id)?, parse_column("repository.name", &name)?);
        Ok(Self { id, owner, tool_name, name, updated: updated.into() })
    }
}

#[derive(FromQueryResult)]
struct RepositorySize {
    repository_id: String,
    size: i64,
}

impl RegistryStore {
    /// Finds a repository by its name.
    pub async fn find_repository(&self, owner: &str, name: &ImageName) -> Result<Option<Repository>> {
        let query = row::Entity::find().filter(row::Column::Owner.eq(owner));
        let query = query.filter(row::Column::Name.eq(name.as_str()));
        query.one(self.db.reader()).await.or_db_error()?.map(Repository::try_from).transpose()
    }

    /// Finds or creates a repository by its name, and locks its row.
    pub async fn lock_or_create_repository(
        &self,
        tx: &Tx,
        new: RepositoryId,
        owner: &RepositoryOwner,
        name: &ImageName,
        now: Timestamp,
    ) -> Result<Repository> {
        let tool_name = match owner {
            RepositoryOwner::Provided => String::new(),
            RepositoryOwner::Tool(tool, name) => {
                lock_existing_tool(tx, *tool).await?;
                name.to_string()
            }
        };
        let added = row::ActiveModel {
            id: Set(new.to_string()),
            owner: Set(owner.owner_key()),
            tool_name: Set(tool_name),
            name: Set(name.to_string()),
            updated: Set(now.into()),
        };
        let update = OnConflict::columns([row::Column::Owner, row::Column::Name])
            .update_columns([row::Column::Updated, row::Column::ToolName])
            .to_owned();
        row::Entity::insert(added).on_conflict(update).exec_without_returning(&**tx).await.or_db_error()?;
        let query = row::Entity::find().filter(row::Column::Owner.eq(owner.owner_key()));
        let query = query.filter(row::Column::Name.eq(name.as_str())).lock(LockType::Update);
        let found = query.one(&**tx).await.or_db_error()?;
        found
            .ok_or_else(|| hearth_base::Error::internal("a repository is missing after its insertion"))?
            .try_into()
    }

    /// Finds a repository and locks its row; `None` when it has been deleted.
    pub async fn lock_repository(&self, tx: &Tx, id: RepositoryId) -> Result<Option<Repository>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(Repository::try_from).transpose()
    }

    /// Lists repositories with at least one tag: those of one owner by name, or those of all tools by id.
    pub async fn list_repositories(
        &self,
        owner: Option<&str>,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Repository>> {
        let filled = Query::select().column(tag::Column::RepositoryId).from(tag::Entity).to_owned();
        let mut query = row::Entity::find().filter(row::Column::Id.in_subquery(filled));
        match owner {
            Some(owner) => {
                query = query.filter(row::Column::Owner.eq(owner)).order_by_asc(row::Column::Name);
                if let Some(cursor) = cursor {
                    query =
                        query.filter(row::Column::Name.gt(cursor.parse_key::<String>().unwrap_or_default()));
                }
            }
            None => {
                query = query
                    .filter(row::Column::Owner.ne(crate::names::PROVIDED_OWNER))
                    .order_by_asc(row::Column::Id);
                if let Some(cursor) = cursor {
                    query = query.filter(row::Column::Id.gt(cursor.parse_key::<RepositoryId>()?.to_string()));
                }
            }
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let found: Vec<Repository> = rows.into_iter().map(Repository::try_from).collect::<Result<_>>()?;
        let by_name = owner.is_some();
        Ok(Page::from_items(found, limit, |found: &Repository| {
            if by_name { found.name.to_string() } else { found.id.to_string() }
        }))
    }

    /// Sums the blob sizes of each of these repositories, in bytes.
    pub async fn sum_repository_sizes(
        &self,
        repositories: &[Repository],
    ) -> Result<Vec<(RepositoryId, u64)>> {
        let ids = repositories.iter().map(|repository| repository.id.to_string());
        let joined = link::Entity::belongs_to(content::Entity)
            .from(link::Column::Digest)
            .to(content::Column::Digest)
            .into();
        let sizes = link::Entity::find()
            .select_only()
            .column(link::Column::RepositoryId)
            .column_as(sum_column(self.db.database_backend(), content::Column::Size), "size")
            .join(JoinType::InnerJoin, joined)
            .filter(link::Column::RepositoryId.is_in(ids))
            .group_by(link::Column::RepositoryId)
            .into_model::<RepositorySize>()
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let read_one = |RepositorySize { repository_id, size }| {
            Ok((parse_column("link.repository_id", &repository_id)?, to_u64(size)))
        };
        sizes.into_iter().map(read_one).collect()
    }

    /// Lists the ids of repositories after `after`, in order, at most 1000.
    pub async fn list_repository_ids(
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
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.iter().map(|row| parse_column("repository.id", &row.id)).collect()
    }

    /// Deletes a repository with everything in it. Content that no other repository links is collected later;
    /// parts of active uploads become garbage at once.
    pub async fn erase_repository(&self, tx: &Tx, id: RepositoryId) -> Result<()> {
        let id = id.to_string();
        let active = upload::Entity::find().filter(upload::Column::RepositoryId.eq(&*id));
        for upload in active.all(&**tx).await.or_db_error()? {
            self.discard_incoming(tx, parse_column("upload.id", &upload.id)?, None).await?;
        }
        let uploads = Query::select()
            .column(upload::Column::Id)
            .from(upload::Entity)
            .and_where(upload::Column::RepositoryId.eq(&*id))
            .to_owned();
        let parts = part::Entity::find().filter(part::Column::UploadId.in_subquery(uploads.clone()));
        for part in parts.all(&**tx).await.or_db_error()? {
            self.add_garbage(tx, parse_column("part.blob_id", &part.blob_id)?).await?;
        }
        let parts = part::Entity::delete_many().filter(part::Column::UploadId.in_subquery(uploads));
        parts.exec(&**tx).await.or_db_error()?;
        upload::Entity::delete_many()
            .filter(upload::Column::RepositoryId.eq(&*id))
            .exec(&**tx)
            .await
            .or_db_error()?;
        tag::Entity::delete_many()
            .filter(tag::Column::RepositoryId.eq(&*id))
            .exec(&**tx)
            .await
            .or_db_error()?;
        let references = reference::Entity::delete_many().filter(reference::Column::RepositoryId.eq(&*id));
        references.exec(&**tx).await.or_db_error()?;
        let manifests = manifest::Entity::delete_many().filter(manifest::Column::RepositoryId.eq(&*id));
        manifests.exec(&**tx).await.or_db_error()?;
        link::Entity::delete_many()
            .filter(link::Column::RepositoryId.eq(&*id))
            .exec(&**tx)
            .await
            .or_db_error()?;
        row::Entity::delete_by_id(id).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the pins of a tool.
    pub async fn erase_pins(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let pins = pin::Entity::delete_many().filter(pin::Column::ToolId.eq(tool.to_string()));
        pins.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Marks content as garbage, in the transaction that makes it unreferenced.
    pub async fn add_garbage(&self, tx: &Tx, blob: hearth_base::BlobId) -> Result<()> {
        let row = garbage::ActiveModel { blob_id: Set(blob.to_string()) };
        let update = OnConflict::column(garbage::Column::BlobId)
            .value(garbage::Column::BlobId, Expr::col((garbage::Entity, garbage::Column::BlobId)))
            .to_owned();
        garbage::Entity::insert(row)
            .on_conflict(update)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }
}
