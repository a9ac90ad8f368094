//! Table of tools. A row is never deleted, so that its id is never reused. After the deletion it is the tombstone
//! of the name, which for some time only an operator gives again.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, ToolId, ToolName, UserId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType, Query},
};

use super::{AccountStore, columns::parse_column, member};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Current or former name.
        pub name: String,
        /// The name while the tool holds it; unique.
        pub reserved_name: Option<String>,
        pub description: String,
        pub deleting: bool,
        pub created: DbTimestamp,
        /// End of the deletion, when the name was released.
        pub name_released_at: Option<DbTimestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A tool that holds its name.
#[derive(Debug, Clone)]
pub struct StoredTool {
    pub id: ToolId,
    pub name: ToolName,
    pub description: String,
    /// True while the tool is being deleted.
    pub deleting: bool,
    pub created: Timestamp,
}

impl TryFrom<row::Model> for StoredTool {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, name, reserved_name: _, description, deleting, created, name_released_at: _ } =
            row;
        let (id, name) = (parse_column("tool.id", &id)?, parse_column("tool.name", &name)?);
        Ok(Self { id, name, description, deleting, created: created.into() })
    }
}

impl AccountStore {
    /// Finds the tool that holds a name.
    pub async fn find_tool(&self, name: &ToolName) -> Result<Option<StoredTool>> {
        let query = row::Entity::find().filter(row::Column::ReservedName.eq(name.as_str()));
        query.one(self.db.reader()).await.or_db_error()?.map(StoredTool::try_from).transpose()
    }

    /// Finds a tool by its id, while it holds a name.
    pub async fn find_tool_by_id(&self, id: ToolId) -> Result<Option<StoredTool>> {
        let query = row::Entity::find_by_id(id.to_string()).filter(row::Column::ReservedName.is_not_null());
        query.one(self.db.reader()).await.or_db_error()?.map(StoredTool::try_from).transpose()
    }

    /// Finds a tool by its id and locks its row.
    pub async fn lock_tool(&self, tx: &Tx, id: ToolId) -> Result<StoredTool> {
        let query = row::Entity::find_by_id(id.to_string()).filter(row::Column::ReservedName.is_not_null());
        let found = query.lock(LockType::Update).one(&**tx).await.or_db_error()?;
        found.ok_or_else(|| Error::not_found("tool", id))?.try_into()
    }

    /// Inserts a tool; fails with `tool-name-taken`.
    pub async fn insert_tool(&self, tx: &Tx, tool: &StoredTool) -> Result<()> {
        let StoredTool { id, name, description, deleting, created } = tool;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            name: Set(name.to_string()),
            reserved_name: Set(Some(name.to_string())),
            description: Set(description.clone()),
            deleting: Set(*deleting),
            created: Set((*created).into()),
            name_released_at: Set(None),
        };
        let taken = || {
            Error::conflict("tool-name-taken", format!("the name {name} is taken by another tool"))
                .help("choose another name, or ask its maintainers to add you")
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_unique_violation(taken).map(|_| ())
    }

    /// Marks a tool as being deleted.
    pub async fn mark_tool_deleting(&self, tx: &Tx, id: ToolId) -> Result<()> {
        let update = row::Entity::update_many().col_expr(row::Column::Deleting, Expr::value(true));
        update.filter(row::Column::Id.eq(id.to_string())).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds the time at which a deleted tool released a name last: its tombstone. Rows of release 0.1.0 have no
    /// such time; the time of creation stands for it.
    pub async fn find_name_release(&self, tx: &Tx, name: &str) -> Result<Option<Timestamp>> {
        let rows = row::Entity::find()
            .filter(row::Column::Name.eq(name))
            .filter(row::Column::ReservedName.is_null())
            .all(&**tx)
            .await
            .or_db_error()?;
        Ok(rows.into_iter().map(|row| row.name_released_at.unwrap_or(row.created).into()).max())
    }

    /// Returns true if a tool holds a name, as seen within the transaction.
    pub async fn is_tool_name_held(&self, tx: &Tx, name: &str) -> Result<bool> {
        let query = row::Entity::find().filter(row::Column::ReservedName.eq(name));
        Ok(query.one(&**tx).await.or_db_error()?.is_some())
    }

    /// Releases the name of a tool that has been deleted completely.
    pub async fn release_tool_name(&self, tx: &Tx, id: ToolId, now: Timestamp) -> Result<()> {
        let update = row::Entity::update_many()
            .col_expr(row::Column::ReservedName, Expr::value(None::<String>))
            .col_expr(row::Column::NameReleasedAt, Expr::value(DbTimestamp::from(now)));
        update.filter(row::Column::Id.eq(id.to_string())).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists tools by name: those that a user is a member of, or all.
    pub async fn list_tools(
        &self,
        member: Option<UserId>,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<StoredTool>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ReservedName.is_not_null())
            .order_by_asc(row::Column::ReservedName);
        if let Some(user) = member {
            let own_tools = Query::select()
                .column(member::row::Column::ToolId)
                .from(member::row::Entity)
                .and_where(member::row::Column::UserId.eq(user.to_string()))
                .to_owned();
            query = query.filter(row::Column::Id.in_subquery(own_tools));
        }
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::ReservedName.gt(cursor.parse_key::<ToolName>()?.as_str()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let tools = rows.into_iter().map(StoredTool::try_from).collect::<Result<_>>()?;
        Ok(Page::from_items(tools, limit, |tool: &StoredTool| tool.name.clone()))
    }
}
