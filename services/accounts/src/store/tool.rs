//! Tools. A row stays for ever, so that its id is never used again; its name is free again at its end.

use hearth_base::{Cursor, Error, Limit, Page, Result, ToolId, ToolName, UserId};
use hearth_kit::db::{OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType, Query},
};

use super::{Store, columns::read, member};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// The name it has, or had.
        pub name: String,
        /// The same while the name is taken by it.
        pub holds_name: Option<String>,
        pub description: String,
        pub deleting: bool,
        pub created: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A tool that holds its name.
#[derive(Debug, Clone)]
pub struct Tool {
    pub id: ToolId,
    pub name: ToolName,
    pub description: String,
    /// Whether it is on its way out.
    pub deleting: bool,
    pub created: Timestamp,
}

impl TryFrom<row::Model> for Tool {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, name, holds_name: _, description, deleting, created } = row;
        let (id, name) = (read("tool.id", &id)?, read("tool.name", &name)?);
        Ok(Self { id, name, description, deleting, created: created.into() })
    }
}

impl Store {
    /// The tool that holds a name.
    pub async fn tool(&self, name: &ToolName) -> Result<Option<Tool>> {
        let query = row::Entity::find().filter(row::Column::HoldsName.eq(name.as_str()));
        query.one(self.db.reader()).await.or_fault()?.map(Tool::try_from).transpose()
    }

    /// A tool by its id, while it holds a name.
    pub async fn tool_by_id(&self, id: ToolId) -> Result<Option<Tool>> {
        let query = row::Entity::find_by_id(id.to_string()).filter(row::Column::HoldsName.is_not_null());
        query.one(self.db.reader()).await.or_fault()?.map(Tool::try_from).transpose()
    }

    /// A tool by its id, to be changed: others wait until this change is through.
    pub async fn tool_locked(&self, tx: &Tx, id: ToolId) -> Result<Tool> {
        let query = row::Entity::find_by_id(id.to_string()).filter(row::Column::HoldsName.is_not_null());
        let found = query.lock(LockType::Update).one(&**tx).await.or_fault()?;
        found.ok_or_else(|| Error::not_found("tool", id))?.try_into()
    }

    /// Adds a tool; a taken name is refused.
    pub async fn tool_add(&self, tx: &Tx, tool: &Tool) -> Result<()> {
        let Tool { id, name, description, deleting, created } = tool;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            name: Set(name.to_string()),
            holds_name: Set(Some(name.to_string())),
            description: Set(description.clone()),
            deleting: Set(*deleting),
            created: Set((*created).into()),
        };
        let taken = || {
            Error::conflict("tool-name-taken", format!("there is a tool {name} already"))
                .help("choose another name, or ask its maintainers to add you")
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_taken(taken).map(|_| ())
    }

    /// Marks a tool as on its way out.
    pub async fn tool_deleting(&self, tx: &Tx, id: ToolId) -> Result<()> {
        let update = row::Entity::update_many().col_expr(row::Column::Deleting, Expr::value(true));
        update.filter(row::Column::Id.eq(id.to_string())).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Frees a tool's name: nothing of it is left.
    pub async fn tool_free_name(&self, tx: &Tx, id: ToolId) -> Result<()> {
        let update = row::Entity::update_many().col_expr(row::Column::HoldsName, Expr::value(None::<String>));
        update.filter(row::Column::Id.eq(id.to_string())).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Tools by name: those that a user is a member of, or all.
    pub async fn tool_list(
        &self,
        member: Option<UserId>,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Tool>> {
        let mut query = row::Entity::find()
            .filter(row::Column::HoldsName.is_not_null())
            .order_by_asc(row::Column::HoldsName);
        if let Some(user) = member {
            let theirs = Query::select()
                .column(member::row::Column::ToolId)
                .from(member::row::Entity)
                .and_where(member::row::Column::UserId.eq(user.to_string()))
                .to_owned();
            query = query.filter(row::Column::Id.in_subquery(theirs));
        }
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::HoldsName.gt(cursor.key::<ToolName>()?.as_str()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let tools = rows.into_iter().map(Tool::try_from).collect::<Result<_>>()?;
        Ok(Page::cut(tools, limit, |tool: &Tool| tool.name.clone()))
    }
}
