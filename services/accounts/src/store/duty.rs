//! Duties: which services have yet to erase what an ended tool had.

use hearth_base::{Cursor, Limit, Page, Result, Role, ToolId};
use hearth_kit::db::{OrFault, Tx};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{Store, columns::read};

pub mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "duty")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub service: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Store {
    /// Gives a service the duty to erase what a tool had.
    pub async fn duty_add(&self, tx: &Tx, tool: ToolId, service: Role) -> Result<()> {
        let row =
            row::ActiveModel { tool_id: Set(tool.to_string()), service: Set(service.name().to_owned()) };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Notes that a service has done its duty. Doing it twice changes nothing.
    pub async fn duty_done(&self, tx: &Tx, tool: ToolId, service: Role) -> Result<()> {
        let key = (tool.to_string(), service.name().to_owned());
        row::Entity::delete_by_id(key).exec(&**tx).await.or_fault().map(|_| ())
    }

    /// How many services have yet to do theirs, as a change sees it.
    pub async fn duty_count(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.count(&**tx).await.or_fault()
    }

    /// The services that have yet to do theirs.
    pub async fn duties(&self, tool: ToolId) -> Result<Vec<Role>> {
        let rows = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_asc(row::Column::Service)
            .all(self.db.reader())
            .await
            .or_fault()?;
        rows.iter().map(|row| read("duty.service", &row.service)).collect()
    }

    /// The tools of which a service has yet to erase what it has.
    pub async fn duties_of(
        &self,
        service: Role,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<ToolId>> {
        let mut query = row::Entity::find().filter(row::Column::Service.eq(service.name()));
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::ToolId.gt(cursor.key::<ToolId>()?.to_string()));
        }
        let rows = query
            .order_by_asc(row::Column::ToolId)
            .limit(u64::from(limit.get()) + 1)
            .all(self.db.reader())
            .await
            .or_fault()?;
        let tools = rows.iter().map(|row| read("duty.tool_id", &row.tool_id));
        Ok(Page::cut(tools.collect::<Result<_>>()?, limit, |tool| *tool))
    }
}
