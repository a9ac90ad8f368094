//! The table of revisions.

use std::collections::BTreeMap;

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use hearth_wire::components::Revision;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::ComponentsStore;

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
        /// True while the image of the revision is pinned.
        pub kept: bool,
        pub content: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The number of a tool's pinned revisions that are read at once. Each deployment unpins the old ones, so that few are
/// pinned.
const MAX_PINNED_REVISIONS: u64 = 1000;

fn parse_revision(row: row::Model) -> Result<Revision> {
    let kept = row.kept;
    let revision: Revision = serde_json::from_value(row.content).map_err(Error::internal)?;
    Ok(Revision { kept, ..revision })
}

fn is_of_tool(tool: ToolId) -> sea_orm::Condition {
    row::Column::ToolId.eq(tool.to_string()).into()
}

impl ComponentsStore {
    /// Inserts a revision.
    pub async fn insert_revision(&self, tx: &Tx, tool: ToolId, revision: &Revision) -> Result<()> {
        let row = row::ActiveModel {
            tool_id: Set(tool.to_string()),
            number: Set(to_number_column(revision.number)?),
            deployment_id: Set(revision.deployment.to_string()),
            kept: Set(true),
            content: Set(serde_json::to_value(revision).map_err(Error::internal)?),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds a tool's newest revision.
    pub async fn find_newest_revision(&self, tool: ToolId) -> Result<Option<Revision>> {
        let newest = row::Entity::find().filter(is_of_tool(tool)).order_by_desc(row::Column::Number);
        newest.limit(1).one(self.db.reader()).await.or_db_error()?.map(parse_revision).transpose()
    }

    /// Finds the number of a tool's newest revision within a transaction; 0 if there is none.
    pub async fn find_newest_revision_number(&self, tx: &Tx, tool: ToolId) -> Result<u32> {
        let newest = row::Entity::find().filter(is_of_tool(tool)).order_by_desc(row::Column::Number);
        let newest = newest.limit(1).one(&**tx).await.or_db_error()?;
        newest.map_or(Ok(0), |row| u32::try_from(row.number).map_err(Error::internal))
    }

    /// Finds a revision by its number.
    pub async fn find_revision(&self, tool: ToolId, number: u32) -> Result<Option<Revision>> {
        let found =
            row::Entity::find().filter(is_of_tool(tool)).filter(row::Column::Number.eq(i64::from(number)));
        found.one(self.db.reader()).await.or_db_error()?.map(parse_revision).transpose()
    }

    /// Lists a tool's revisions, the newest first.
    pub async fn list_revisions(
        &self,
        tool: ToolId,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Revision>> {
        let mut query = row::Entity::find().filter(is_of_tool(tool)).order_by_desc(row::Column::Number);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Number.lt(i64::from(cursor.parse_key::<u32>()?)));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let items = rows.into_iter().map(parse_revision).collect::<Result<_>>()?;
        Ok(Page::from_items(items, limit, |revision: &Revision| revision.number))
    }

    /// Lists revisions whose images are pinned although their environment has `keep_newest` newer ones; those of the
    /// newest [`MAX_PINNED_REVISIONS`] at a time.
    pub async fn list_revisions_to_unpin(&self, tool: ToolId, keep_newest: u32) -> Result<Vec<Revision>> {
        let rows = row::Entity::find()
            .filter(is_of_tool(tool))
            .filter(row::Column::Kept.eq(true))
            .order_by_desc(row::Column::Number)
            .limit(MAX_PINNED_REVISIONS)
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let newest_first = rows.into_iter().map(parse_revision).collect::<Result<Vec<Revision>>>()?;
        let mut kept: BTreeMap<Option<String>, u32> = BTreeMap::new();
        let mut is_old = |revision: &Revision| {
            let of_environment = kept.entry(revision.environment.clone()).or_default();
            *of_environment += 1;
            *of_environment > keep_newest
        };
        Ok(newest_first.into_iter().filter(|revision| is_old(revision)).collect())
    }

    /// Records that the image of a revision is no longer pinned.
    pub async fn mark_revision_unpinned(&self, tx: &Tx, tool: ToolId, number: u32) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::Kept, Expr::value(false))
            .filter(is_of_tool(tool))
            .filter(row::Column::Number.eq(i64::from(number)))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Deletes the revisions of a tool.
    pub async fn delete_tool_revisions(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        row::Entity::delete_many().filter(is_of_tool(tool)).exec(&**tx).await.or_db_error().map(|_| ())
    }
}

fn to_number_column(number: u32) -> Result<i32> {
    i32::try_from(number).map_err(Error::internal)
}
