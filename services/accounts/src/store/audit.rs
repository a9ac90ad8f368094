//! Table of audit entries: changes, and refused attempts.

use std::net::IpAddr;

use hearth_base::{EventId, Page, PageCursor, PageLimit, RequestId, Result, ToolId, ToolName};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use hearth_wire::accounts::AuditEntry;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::{AccountStore, columns::parse_column};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub at: DbTimestamp,
        pub who: String,
        pub action: String,
        pub tool_id: Option<String>,
        pub tool_name: Option<String>,
        pub subject: String,
        pub request_id: String,
        /// Error code of a refused change.
        pub refused: Option<String>,
        /// Address of the client.
        pub client: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Length of an author and of a subject that come from elsewhere, in characters.
pub const MAX_AUDIT_TEXT_CHARACTERS: usize = 200;

/// An audit entry to insert.
#[derive(Debug)]
pub struct NewAuditEntry<'a> {
    pub id: EventId,
    pub at: Timestamp,
    pub who: String,
    pub action: &'a str,
    pub tool: Option<(ToolId, &'a ToolName)>,
    pub subject: String,
    pub request: RequestId,
    /// Error code of a refused change.
    pub refused: Option<String>,
    pub client: Option<IpAddr>,
}

/// Filter of the audit log.
#[derive(Debug, Default)]
pub struct AuditFilter<'a> {
    pub tool: Option<ToolId>,
    pub action: Option<&'a str>,
    /// True: only refused changes.
    pub refused: bool,
}

impl AccountStore {
    /// Inserts an entry, in the transaction of the change. An entry with this id stays.
    pub async fn insert_audit_entry(&self, tx: &Tx, entry: NewAuditEntry<'_>) -> Result<()> {
        let NewAuditEntry { id, at, who, action, tool, subject, request, refused, client } = entry;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            at: Set(at.into()),
            who: Set(who),
            action: Set(action.to_owned()),
            tool_id: Set(tool.map(|(id, _)| id.to_string())),
            tool_name: Set(tool.map(|(_, name)| name.to_string())),
            subject: Set(subject),
            request_id: Set(request.to_string()),
            refused: Set(refused),
            client: Set(client.map(|client| client.to_string())),
        };
        let keep = OnConflict::column(row::Column::Id).do_nothing_on([row::Column::Id]).to_owned();
        match row::Entity::insert(row).on_conflict(keep).exec_without_returning(&**tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => Ok(()),
            Err(cause) => Err(cause).or_db_error(),
        }
    }

    /// Lists the entries that match a filter, newest first.
    pub async fn list_audit_entries(
        &self,
        filter: AuditFilter<'_>,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<AuditEntry>> {
        let AuditFilter { tool, action, refused } = filter;
        let mut query = row::Entity::find().order_by_desc(row::Column::Id);
        if refused {
            query = query.filter(row::Column::Refused.is_not_null());
        }
        if let Some(tool) = tool {
            query = query.filter(row::Column::ToolId.eq(tool.to_string()));
        }
        if let Some(action) = action {
            query = query.filter(row::Column::Action.eq(action));
        }
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Id.lt(cursor.parse_key::<EventId>()?.to_string()));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let entries = rows.into_iter().map(to_audit_entry).collect::<Result<_>>()?;
        Ok(Page::from_items(entries, limit, |entry: &AuditEntry| entry.id))
    }

    /// Deletes entries from before `before`.
    pub async fn delete_old_audit_entries(&self, tx: &Tx, before: Timestamp) -> Result<()> {
        let old = row::Entity::delete_many().filter(row::Column::At.lt(DbTimestamp::from(before)));
        old.exec(&**tx).await.or_db_error().map(|_| ())
    }
}

fn to_audit_entry(row: row::Model) -> Result<AuditEntry> {
    let row::Model { id, at, who, action, tool_id: _, tool_name, subject, request_id, refused, client } = row;
    let id = parse_column("audit.id", &id)?;
    Ok(AuditEntry { id, at: at.into(), who, action, tool: tool_name, subject, request_id, refused, client })
}
