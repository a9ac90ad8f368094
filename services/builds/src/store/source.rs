//! Table of uploaded source archives.

use hearth_base::{BlobId, Digest, Error, Result, SourceId, ToolId};
use hearth_kit::db::{
    DbTimestamp, OrDbError, Tx,
    columns::{sum_column, to_u64},
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{BuildStore, columns::parse_column};
use crate::upload_reservations::UploadUsage;

mod row {
    use hearth_kit::db::DbTimestamp;
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
        pub created: DbTimestamp,
        pub expires: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// An uploaded source archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedSource {
    pub id: SourceId,
    pub tool: ToolId,
    /// Blob with the archive.
    pub blob: BlobId,
    pub digest: Digest,
    pub size: u64,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl TryFrom<row::Model> for UploadedSource {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, tool_id, blob, digest, size, created, expires } = row;
        Ok(Self {
            id: parse_column("source.id", &id)?,
            tool: parse_column("source.tool_id", &tool_id)?,
            blob: parse_column("source.blob", &blob)?,
            digest: parse_column("source.digest", &digest)?,
            size: u64::try_from(size).unwrap_or(0),
            created: created.into(),
            expires: expires.into(),
        })
    }
}

impl BuildStore {
    /// Inserts an upload.
    pub async fn insert_source(&self, tx: &Tx, source: &UploadedSource) -> Result<()> {
        let UploadedSource { id, tool, blob, digest, size, created, expires } = source;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            tool_id: Set(tool.to_string()),
            blob: Set(blob.to_string()),
            digest: Set(digest.to_string()),
            size: Set(i64::try_from(*size).unwrap_or(i64::MAX)),
            created: Set((*created).into()),
            expires: Set((*expires).into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds an upload that has not been deleted.
    pub async fn find_source(&self, id: SourceId) -> Result<Option<UploadedSource>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(UploadedSource::try_from).transpose()
    }

    /// Extends an upload of a tool until `expires`. `None` if it has been deleted.
    pub async fn extend_source(
        &self,
        tx: &Tx,
        tool: ToolId,
        id: SourceId,
        expires: Timestamp,
    ) -> Result<Option<UploadedSource>> {
        let until = row::Entity::update_many()
            .col_expr(row::Column::Expires, Expr::value(DbTimestamp::from(expires)))
            .filter(row::Column::Id.eq(id.to_string()))
            .filter(row::Column::ToolId.eq(tool.to_string()));
        if until.exec(&**tx).await.or_db_error()?.rows_affected == 0 {
            return Ok(None);
        }
        let found = row::Entity::find_by_id(id.to_string()).one(&**tx).await.or_db_error()?;
        found.map(UploadedSource::try_from).transpose()
    }

    /// Lists up to 100 expired uploads, oldest first.
    pub async fn list_expired_sources(&self, now: Timestamp) -> Result<Vec<UploadedSource>> {
        let query = row::Entity::find().filter(row::Column::Expires.lte(DbTimestamp::from(now)));
        let rows =
            query.order_by_asc(row::Column::Expires).limit(100).all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(UploadedSource::try_from).collect()
    }

    /// Lists up to 100 uploads of a tool.
    pub async fn list_tool_sources(&self, tool: ToolId) -> Result<Vec<UploadedSource>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let rows =
            query.order_by_asc(row::Column::Id).limit(100).all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(UploadedSource::try_from).collect()
    }

    /// Measures all uploads of a tool, as seen within the transaction.
    pub async fn measure_sources(&self, tx: &Tx, tool: ToolId) -> Result<UploadUsage> {
        let of_tool = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        let count = of_tool.clone().count(&**tx).await.or_db_error()?;
        let sum = of_tool
            .select_only()
            .column_as(sum_column(self.db.database_backend(), row::Column::Size), "bytes")
            .into_tuple::<Option<i64>>()
            .one(&**tx)
            .await
            .or_db_error()?;
        Ok(UploadUsage { count, bytes: to_u64(sum.flatten().unwrap_or(0)) })
    }

    /// Deletes an upload, unless its expiry has been changed. Returns true if it was deleted.
    pub async fn delete_source(&self, tx: &Tx, source: &UploadedSource) -> Result<bool> {
        let same = row::Entity::delete_many()
            .filter(row::Column::Id.eq(source.id.to_string()))
            .filter(row::Column::Expires.eq(DbTimestamp::from(source.expires)));
        Ok(same.exec(&**tx).await.or_db_error()?.rows_affected > 0)
    }
}
