//! Who did what, when.

use hearth_base::{Cursor, EventId, Limit, Page, RequestId, Result, ToolId, ToolName};
use hearth_kit::db::{OrFault, Tx};
use hearth_wire::accounts::AuditEntry;
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Store, columns::read};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub at: At,
        pub who: String,
        pub action: String,
        pub tool_id: Option<String>,
        pub tool_name: Option<String>,
        pub subject: String,
        pub request_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A change that is being made.
#[derive(Debug)]
pub struct NewEntry<'a> {
    pub id: EventId,
    pub at: Timestamp,
    pub who: String,
    pub action: &'static str,
    pub tool: Option<(ToolId, &'a ToolName)>,
    pub subject: String,
    pub request: RequestId,
}

impl Store {
    /// Writes an entry, as part of the change it tells of.
    pub async fn audit_add(&self, tx: &Tx, entry: NewEntry<'_>) -> Result<()> {
        let NewEntry { id, at, who, action, tool, subject, request } = entry;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            at: Set(at.into()),
            who: Set(who),
            action: Set(action.to_owned()),
            tool_id: Set(tool.map(|(id, _)| id.to_string())),
            tool_name: Set(tool.map(|(_, name)| name.to_string())),
            subject: Set(subject),
            request_id: Set(request.to_string()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// Entries, newest first: of one tool or of all, of one action or of all.
    pub async fn audit_list(
        &self,
        tool: Option<ToolId>,
        action: Option<&str>,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<AuditEntry>> {
        let mut query = row::Entity::find().order_by_desc(row::Column::Id);
        if let Some(tool) = tool {
            query = query.filter(row::Column::ToolId.eq(tool.to_string()));
        }
        if let Some(action) = action {
            query = query.filter(row::Column::Action.eq(action));
        }
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.key::<EventId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let entries = rows.into_iter().map(entry).collect::<Result<_>>()?;
        Ok(Page::cut(entries, limit, |entry: &AuditEntry| entry.id))
    }
}

fn entry(row: row::Model) -> Result<AuditEntry> {
    let row::Model { id, at, who, action, tool_id: _, tool_name, subject, request_id } = row;
    let id = read("audit.id", &id)?;
    Ok(AuditEntry { id, at: at.into(), who, action, tool: tool_name, subject, request_id })
}
