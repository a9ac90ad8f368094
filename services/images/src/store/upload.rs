//! Uploads under way.

use hearth_base::{BlobId, Digest, Error, RepositoryId, Result, UploadId};
use hearth_kit::db::{At, OrFault, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{
    Store, read,
    rows::{part, upload as row},
    signed, unsigned,
};

/// A blob on its way in.
#[derive(Debug, Clone, Copy)]
pub struct Upload {
    pub id: UploadId,
    pub repository: RepositoryId,
    /// How much has arrived.
    pub size: u64,
}

/// A part that has arrived.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub blob: BlobId,
    pub size: u64,
    pub digest: Digest,
}

impl TryFrom<row::Model> for Upload {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, repository_id, size, touched: _ } = row;
        let (id, repository) = (read("upload.id", &id)?, read("upload.repository_id", &repository_id)?);
        Ok(Self { id, repository, size: unsigned(size) })
    }
}

impl Store {
    /// Begins an upload.
    pub async fn upload_add(&self, tx: &Tx, upload: Upload, now: Timestamp) -> Result<()> {
        let Upload { id, repository, size } = upload;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            repository_id: Set(repository.to_string()),
            size: Set(signed(size)),
            touched: Set(now.into()),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// An upload into a repository.
    pub async fn upload(&self, repository: RepositoryId, id: UploadId) -> Result<Option<Upload>> {
        let query = row::Entity::find_by_id(id.to_string());
        let query = query.filter(row::Column::RepositoryId.eq(repository.to_string()));
        query.one(self.db.reader()).await.or_fault()?.map(Upload::try_from).transpose()
    }

    /// Adds a part, if the upload is still as it was; otherwise somebody else has added one, and this is false.
    pub async fn upload_append(&self, tx: &Tx, upload: &Upload, part: Part, now: Timestamp) -> Result<bool> {
        let longer = row::Entity::update_many()
            .col_expr(row::Column::Size, Expr::value(signed(upload.size + part.size)))
            .col_expr(row::Column::Touched, Expr::value(At::from(now)))
            .filter(row::Column::Id.eq(upload.id.to_string()))
            .filter(row::Column::Size.eq(signed(upload.size)))
            .exec(&**tx)
            .await
            .or_fault()?;
        if longer.rows_affected == 0 {
            return Ok(false);
        }
        let parts = part::Entity::find().filter(part::Column::UploadId.eq(upload.id.to_string()));
        let number = parts.count(&**tx).await.or_fault()?;
        let row = part::ActiveModel {
            blob_id: Set(part.blob.to_string()),
            upload_id: Set(upload.id.to_string()),
            number: Set(i32::try_from(number).unwrap_or(i32::MAX)),
            size: Set(signed(part.size)),
            digest: Set(part.digest.to_string()),
        };
        part::Entity::insert(row).exec_without_returning(&**tx).await.or_fault().map(|_| true)
    }

    /// The parts of an upload, in order.
    pub async fn upload_parts(&self, id: UploadId) -> Result<Vec<Part>> {
        let rows = part::Entity::find()
            .filter(part::Column::UploadId.eq(id.to_string()))
            .order_by_asc(part::Column::Number)
            .all(self.db.reader())
            .await
            .or_fault()?;
        rows.into_iter()
            .map(|part::Model { blob_id, size, digest, .. }| {
                let (blob, digest) = (read("part.blob_id", &blob_id)?, read("part.digest", &digest)?);
                Ok(Part { blob, size: unsigned(size), digest })
            })
            .collect()
    }

    /// Ends an upload, if it is still as it was. Its parts are rubbish but for the one to `keep`.
    pub async fn upload_end(&self, tx: &Tx, upload: &Upload, keep: Option<BlobId>) -> Result<bool> {
        let ended = row::Entity::delete_many()
            .filter(row::Column::Id.eq(upload.id.to_string()))
            .filter(row::Column::Size.eq(signed(upload.size)))
            .exec(&**tx)
            .await
            .or_fault()?;
        if ended.rows_affected == 0 {
            return Ok(false);
        }
        let parts = part::Entity::find().filter(part::Column::UploadId.eq(upload.id.to_string()));
        for row in parts.all(&**tx).await.or_fault()? {
            let blob = read("part.blob_id", &row.blob_id)?;
            if keep != Some(blob) {
                self.discard(tx, blob).await?;
            }
        }
        let parts = part::Entity::delete_many().filter(part::Column::UploadId.eq(upload.id.to_string()));
        parts.exec(&**tx).await.or_fault().map(|_| true)
    }

    /// Uploads to which nothing has been added since.
    pub async fn uploads_untouched(&self, since: Timestamp) -> Result<Vec<Upload>> {
        let query = row::Entity::find().filter(row::Column::Touched.lt(At::from(since))).limit(100);
        query.all(self.db.reader()).await.or_fault()?.into_iter().map(Upload::try_from).collect()
    }
}
