//! Folders that were uploaded.

use hearth_base::{BlobId, Digest, Error, Result, SourceId, ToolId};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::{Store, columns::read};

mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "source")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub blob: String,
        pub digest: String,
        pub size: i64,
        pub created: At,
        pub expires: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A folder that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub id: SourceId,
    pub tool: ToolId,
    /// Its archive.
    pub blob: BlobId,
    pub digest: Digest,
    pub size: u64,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for Source {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, tool_id, blob, digest, size, created, expires } = row;
        Ok(Self {
            id: read("source.id", &id)?,
            tool: read("source.tool_id", &tool_id)?,
            blob: read("source.blob", &blob)?,
            digest: read("source.digest", &digest)?,
            size: u64::try_from(size).unwrap_or(0),
            created: created.into(),
            expires: expires.into(),
        })
    }
}

impl Store {
    /// Adds an upload.
    pub async fn source_add(&self, tx: &Tx, source: &Source) -> Result<()> {
        let Source { id, tool, blob, digest, size, created, expires } = source;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            tool_id: Set(tool.to_string()),
            blob: Set(blob.to_string()),
            digest: Set(digest.to_string()),
            size: Set(i64::try_from(*size).unwrap_or(i64::MAX)),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// An upload, while it is kept.
    pub async fn source(&self, id: SourceId) -> Result<Option<Source>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_fault()?;
        found.map(Source::try_from).transpose()
    }

    /// Keeps an upload of a tool until `expires` at least. The upload, if it is still there.
    pub async fn source_keep(
        &self,
        tx: &Tx,
        tool: ToolId,
        id: SourceId,
        expires: Timestamp,
    ) -> Result<Option<Source>> {
        let until = row::Entity::update_many()
            .col_expr(row::Column::Expires, Expr::value(At::from(expires)))
            .filter(row::Column::Id.eq(id.to_string()))
            .filter(row::Column::ToolId.eq(tool.to_string()));
        if until.exec(&**tx).await.or_fault()?.rows_affected == 0 {
            return Ok(None);
        }
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_fault()?;
        found.map(Source::try_from).transpose()
    }

    /// Uploads that are kept no longer, at most 100.
    pub async fn source_expired(&self, now: Timestamp) -> Result<Vec<Source>> {
        let query = row::Entity::find().filter(row::Column::Expires.lte(At::from(now)));
        let rows =
            query.order_by_asc(row::Column::Expires).limit(100).all(self.db.reader()).await.or_fault()?;
        rows.into_iter().map(Source::try_from).collect()
    }

    /// All uploads of a tool, at most 100.
    pub async fn source_of(&self, tool: ToolId) -> Result<Vec<Source>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let rows = query.order_by_asc(row::Column::Id).limit(100).all(self.db.reader()).await.or_fault()?;
        rows.into_iter().map(Source::try_from).collect()
    }

    /// What a tool's uploads hold together, in bytes, as a change sees it.
    pub async fn source_size_of(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).limit(1000);
        let rows = query.all(&**tx).await.or_fault()?;
        Ok(rows.iter().map(|row| u64::try_from(row.size).unwrap_or(0)).sum())
    }

    /// Forgets an upload, unless it is to be kept longer by now. Whether it was forgotten.
    pub async fn source_delete(&self, tx: &Tx, source: &Source) -> Result<bool> {
        let same = row::Entity::delete_many()
            .filter(row::Column::Id.eq(source.id.to_string()))
            .filter(row::Column::Expires.eq(At::from(source.expires)));
        Ok(same.exec(&**tx).await.or_fault()?.rows_affected > 0)
    }
}
