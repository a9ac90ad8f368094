//! Active uploads.

use hearth_base::{BlobId, Digest, Error, RepositoryId, Result, UploadId};
use hearth_kit::db::{
    DbTimestamp, OrDbError, Tx,
    columns::{parse_column, to_i64, to_u64},
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};

use super::{
    RegistryStore,
    rows::{part, repository, upload as row},
};

/// An active upload of a blob.
#[derive(Debug, Clone, Copy)]
pub struct Upload {
    pub id: UploadId,
    pub repository: RepositoryId,
    /// Received bytes.
    pub size: u64,
}

/// A received part.
#[derive(Debug, Clone, Copy)]
pub struct UploadPart {
    pub blob: BlobId,
    pub size: u64,
    pub digest: Digest,
}

impl TryFrom<row::Model> for Upload {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, repository_id, size, touched: _ } = row;
        let (id, repository) =
            (parse_column("upload.id", &id)?, parse_column("upload.repository_id", &repository_id)?);
        Ok(Self { id, repository, size: to_u64(size) })
    }
}

impl RegistryStore {
    /// Inserts an upload.
    pub async fn insert_upload(&self, tx: &Tx, upload: Upload, now: Timestamp) -> Result<()> {
        let Upload { id, repository, size } = upload;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            repository_id: Set(repository.to_string()),
            size: Set(to_i64(size)),
            touched: Set(now.into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds an upload of a repository.
    pub async fn find_upload(&self, repository: RepositoryId, id: UploadId) -> Result<Option<Upload>> {
        let query = row::Entity::find_by_id(id.to_string());
        let query = query.filter(row::Column::RepositoryId.eq(repository.to_string()));
        query.one(self.db.reader()).await.or_db_error()?.map(Upload::try_from).transpose()
    }

    /// Appends a part if the upload still has the size that `upload` has; false when another request has
    /// appended one.
    pub async fn append_part(
        &self,
        tx: &Tx,
        upload: &Upload,
        part: UploadPart,
        now: Timestamp,
    ) -> Result<bool> {
        let longer = row::Entity::update_many()
            .col_expr(row::Column::Size, Expr::value(to_i64(upload.size + part.size)))
            .col_expr(row::Column::Touched, Expr::value(DbTimestamp::from(now)))
            .filter(row::Column::Id.eq(upload.id.to_string()))
            .filter(row::Column::Size.eq(to_i64(upload.size)))
            .exec(&**tx)
            .await
            .or_db_error()?;
        if longer.rows_affected == 0 {
            return Ok(false);
        }
        let parts = part::Entity::find().filter(part::Column::UploadId.eq(upload.id.to_string()));
        let number = parts.count(&**tx).await.or_db_error()?;
        let row = part::ActiveModel {
            blob_id: Set(part.blob.to_string()),
            upload_id: Set(upload.id.to_string()),
            number: Set(i32::try_from(number).unwrap_or(i32::MAX)),
            size: Set(to_i64(part.size)),
            digest: Set(part.digest.to_string()),
        };
        part::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| true)
    }

    /// Lists the parts of an upload, in order.
    pub async fn list_parts(&self, id: UploadId) -> Result<Vec<UploadPart>> {
        let rows = part::Entity::find()
            .filter(part::Column::UploadId.eq(id.to_string()))
            .order_by_asc(part::Column::Number)
            .all(self.db.reader())
            .await
            .or_db_error()?;
        rows.into_iter()
            .map(|part::Model { blob_id, size, digest, .. }| {
                let (blob, digest) =
                    (parse_column("part.blob_id", &blob_id)?, parse_column("part.digest", &digest)?);
                Ok(UploadPart { blob, size: to_u64(size), digest })
            })
            .collect()
    }

    /// Ends an upload if it still has the size that `upload` has. Its parts become garbage except `keep`.
    pub async fn end_upload(&self, tx: &Tx, upload: &Upload, keep: Option<BlobId>) -> Result<bool> {
        let ended = row::Entity::delete_many()
            .filter(row::Column::Id.eq(upload.id.to_string()))
            .filter(row::Column::Size.eq(to_i64(upload.size)))
            .exec(&**tx)
            .await
            .or_db_error()?;
        if ended.rows_affected == 0 {
            return Ok(false);
        }
        self.discard_incoming(tx, upload.id, keep).await?;
        let parts = part::Entity::find().filter(part::Column::UploadId.eq(upload.id.to_string()));
        for row in parts.all(&**tx).await.or_db_error()? {
            let blob = parse_column("part.blob_id", &row.blob_id)?;
            if keep != Some(blob) {
                self.add_garbage(tx, blob).await?;
            }
        }
        let parts = part::Entity::delete_many().filter(part::Column::UploadId.eq(upload.id.to_string()));
        parts.exec(&**tx).await.or_db_error().map(|_| true)
    }

    /// Lists up to 100 uploads, of one owner or of all, that have received nothing since `since`.
    pub async fn list_idle_uploads(&self, owner: Option<&str>, since: Timestamp) -> Result<Vec<Upload>> {
        let mut query =
            row::Entity::find().filter(row::Column::Touched.lt(DbTimestamp::from(since))).limit(100);
        if let Some(owner) = owner {
            let own = Query::select()
                .column(repository::Column::Id)
                .from(repository::Entity)
                .and_where(repository::Column::Owner.eq(owner))
                .to_owned();
            query = query.filter(row::Column::RepositoryId.in_subquery(own));
        }
        query.all(self.db.reader()).await.or_db_error()?.into_iter().map(Upload::try_from).collect()
    }
}
