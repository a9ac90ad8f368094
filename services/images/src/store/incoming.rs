//! Content that requests are receiving at this moment. Its row exists before the first byte is written, so
//! that content counts for the quota from then on, and content of a killed process is found.

use hearth_base::{BlobId, Result, UploadId};
use hearth_kit::db::{
    DbTimestamp, OrDbError, Tx,
    columns::{parse_column, to_i64},
};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use super::{RegistryStore, rows::incoming as row};

/// Rows deleted in one transaction.
const DELETE_BATCH_SIZE: u64 = 100;

impl RegistryStore {
    /// Inserts content that is about to be received for an upload. `size` is the expected size so far.
    pub async fn insert_incoming(
        &self,
        tx: &Tx,
        (owner, upload, blob): (String, UploadId, BlobId),
        size: u64,
        now: Timestamp,
    ) -> Result<()> {
        let row = row::ActiveModel {
            blob_id: Set(blob.to_string()),
            owner: Set(owner),
            upload_id: Set(upload.to_string()),
            size: Set(to_i64(size)),
            touched: Set(now.into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Updates the size of content that is being received. False if its upload has ended.
    pub async fn update_incoming(&self, tx: &Tx, blob: BlobId, size: u64, now: Timestamp) -> Result<bool> {
        let updated = row::Entity::update_many()
            .col_expr(row::Column::Size, Expr::value(to_i64(size)))
            .col_expr(row::Column::Touched, Expr::value(DbTimestamp::from(now)))
            .filter(row::Column::BlobId.eq(blob.to_string()))
            .exec(&**tx)
            .await
            .or_db_error()?;
        Ok(updated.rows_affected > 0)
    }

    /// Deletes the row of content that has been received, or is given up.
    pub async fn delete_incoming(&self, tx: &Tx, blob: BlobId) -> Result<()> {
        row::Entity::delete_by_id(blob.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Ends the reception of content for an upload: marks it as garbage except `keep`.
    pub async fn discard_incoming(&self, tx: &Tx, upload: UploadId, keep: Option<BlobId>) -> Result<()> {
        let of_upload = row::Entity::find().filter(row::Column::UploadId.eq(upload.to_string()));
        for row in of_upload.all(&**tx).await.or_db_error()? {
            match keep {
                Some(keep) if row.blob_id == keep.to_string() => self.delete_incoming(tx, keep).await?,
                _ => self.discard_row(tx, &row).await?,
            }
        }
        Ok(())
    }

    /// Marks up to a batch of content as garbage that no request has touched since `since`. Returns the
    /// number.
    pub async fn collect_incoming(&self, tx: &Tx, since: Timestamp) -> Result<usize> {
        let stale = row::Entity::find()
            .filter(row::Column::Touched.lt(DbTimestamp::from(since)))
            .limit(DELETE_BATCH_SIZE)
            .all(&**tx)
            .await
            .or_db_error()?;
        for row in &stale {
            self.discard_row(tx, row).await?;
        }
        Ok(stale.len())
    }

    async fn discard_row(&self, tx: &Tx, row: &row::Model) -> Result<()> {
        let blob = parse_column("incoming.blob_id", &row.blob_id)?;
        self.add_garbage(tx, blob).await?;
        self.delete_incoming(tx, blob).await
    }
}
