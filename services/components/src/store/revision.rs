//! Revisions.

use hearth_base::{Cursor, Error, Limit, Page, Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use hearth_wire::components::Revision;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::Store;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "revision")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub deployment_id: String,
        /// Whether its image is still kept for it.
        pub kept: bool,
        pub content: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn revision(row: row::Model) -> Result<Revision> {
    let kept = row.kept;
    let revision: Revision = serde_json::from_value(row.content).map_err(Error::internal)?;
    Ok(Revision { kept, ..revision })
}

fn of(tool: ToolId) -> sea_orm::Condition {
    row::Column::ToolId.eq(tool.to_string()).into()
}

impl Store {
    /// Adds a revision.
    pub async fn revision_add(&self, tx: &Tx, tool: ToolId, revision: &Revision) -> Result<()> {
        let row = row::ActiveModel {
            tool_id: Set(tool.to_string()),
            number: Set(column(revision.number)?),
            deployment_id: Set(revision.deployment.to_string()),
            kept: Set(true),
            content: Set(serde_json::to_value(revision).map_err(Error::internal)?),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// The number of a tool's newest revision, as a change sees it; 0 when there is none.
    pub async fn revision_newest(&self, tx: &Tx, tool: ToolId) -> Result<u32> {
        let newest = row::Entity::find().filter(of(tool)).order_by_desc(row::Column::Number);
        let newest = newest.limit(1).one(&**tx).await.or_fault()?;
        newest.map_or(Ok(0), |row| u32::try_from(row.number).map_err(Error::internal))
    }

    /// One revision.
    pub async fn revision(&self, tool: ToolId, number: u32) -> Result<Option<Revision>> {
        let found = row::Entity::find().filter(of(tool)).filter(row::Column::Number.eq(i64::from(number)));
        found.one(self.db.reader()).await.or_fault()?.map(revision).transpose()
    }

    /// A tool's revisions, the newest first.
    pub async fn revisions(
        &self,
        tool: ToolId,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<Revision>> {
        let mut query = row::Entity::find().filter(of(tool)).order_by_desc(row::Column::Number);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Number.lt(i64::from(cursor.key::<u32>()?)));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let items = rows.into_iter().map(revision).collect::<Result<_>>()?;
        Ok(Page::cut(items, limit, |revision: &Revision| revision.number))
    }

    /// Revisions that keep their images, though there are `most` newer ones.
    pub async fn revisions_to_let_go(&self, tool: ToolId, most: u32) -> Result<Vec<Revision>> {
        let rows = row::Entity::find()
            .filter(of(tool))
            .filter(row::Column::Kept.eq(true))
            .order_by_desc(row::Column::Number)
            .offset(u64::from(most))
            .limit(100)
            .all(self.db.reader())
            .await
            .or_fault()?;
        rows.into_iter().map(revision).collect()
    }

    /// Notes that a revision's image is not kept for it any more.
    pub async fn revision_let_go(&self, tx: &Tx, tool: ToolId, number: u32) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::Kept, Expr::value(false))
            .filter(of(tool))
            .filter(row::Column::Number.eq(i64::from(number)))
            .exec(&**tx)
            .await
            .or_fault()
            .map(|_| ())
    }

    /// Forgets those of a tool.
    pub async fn revision_erase(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        row::Entity::delete_many().filter(of(tool)).exec(&**tx).await.or_fault().map(|_| ())
    }
}

fn column(number: u32) -> Result<i32> {
    i32::try_from(number).map_err(Error::internal)
}
