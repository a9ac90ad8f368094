//! Content while a request sends it: it counts for the quota, and is deleted unless it becomes part of an
//! upload.

use std::{mem, time::Duration};

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use hearth_base::{BlobId, Error, ErrorKind, Result};
use hearth_kit::{blobs::BoxError, log_error};
use jiff::Timestamp;

use super::{
    garbage_collection,
    quota::{OwnerQuota, QUOTA_ERROR_CODE},
};
use crate::{context::ImagesContext, store::Upload};

/// Received bytes between two updates of the content's row, which also find out whether the upload has ended.
const COUNT_STEP_BYTES: u64 = 16 << 20;
/// Bytes that content of unknown length reserves ahead at first. They double with each reservation.
const FIRST_RESERVED_BYTES: u64 = 1 << 20;
/// Most bytes that content of unknown length reserves ahead.
const MAX_RESERVED_BYTES: u64 = 16 << 20;
/// Least bytes that it reserves ahead close to the quota.
const MIN_RESERVED_BYTES: u64 = 64 << 10;
/// Time between two updates of the row while little is received.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// Stream of uploaded content.
pub type BlobStream = BoxStream<'static, Result<Bytes, BoxError>>;

/// Body of a request that uploads content.
pub struct UploadBody {
    pub content: BlobStream,
    /// Length that the request declares.
    pub length: Option<u64>,
}

/// Content that is being received. When it is dropped before it is settled, it is deleted in the background.
pub struct IncomingContent {
    cx: ImagesContext,
    quota: OwnerQuota,
    pub blob: BlobId,
    is_settled: bool,
}

impl IncomingContent {
    /// Stores the row of new content of `expected` bytes, if the tool's quota has room for them.
    pub async fn begin(
        cx: &ImagesContext,
        quota: &OwnerQuota,
        upload: &Upload,
        expected: u64,
    ) -> Result<Self> {
        let blob = cx.generate_id();
        let tx = cx.store.begin().await?;
        quota.lock_owner(&tx).await?;
        let key = (quota.owner_key(), upload.id, blob);
        cx.store.insert_incoming(&tx, key, expected, cx.now()).await?;
        quota.check_usage(cx, &tx).await?;
        tx.commit().await?;
        Ok(Self { cx: cx.clone(), quota: quota.clone(), blob, is_settled: false })
    }

    /// Counts the bytes of a stream before they pass: bytes beyond `expected` are reserved in steps, so that none is
    /// written without a place in the quota. The stream ends with an error when the quota is reached or the upload has
    /// ended.
    pub fn count_content(&self, expected: u64, content: BlobStream) -> BlobStream {
        let counter = ContentCounter {
            cx: self.cx.clone(),
            quota: self.quota.clone(),
            blob: self.blob,
            reserved: expected,
            ahead: FIRST_RESERVED_BYTES,
            received: 0,
            counted: 0,
            touched_at: self.cx.now(),
        };
        stream::try_unfold((counter, content), async |(mut counter, mut content)| {
            let Some(piece) = content.next().await else { return Ok(None) };
            let piece = piece?;
            counter.count_bytes(piece.len() as u64).await?;
            Ok::<_, BoxError>(Some((piece, (counter, content))))
        })
        .boxed()
    }

    /// The caller has stored or discarded the content in a transaction.
    pub fn mark_settled(mut self) {
        self.is_settled = true;
    }

    /// Deletes the content.
    pub async fn delete_content(mut self) {
        self.is_settled = true;
        discard_content(&self.cx, self.blob).await;
    }
}

impl Drop for IncomingContent {
    /// A request whose client has gone is dropped at any point.
    fn drop(&mut self) {
        if mem::replace(&mut self.is_settled, true) {
            return;
        }
        let (cx, blob) = (self.cx.clone(), self.blob);
        self.cx.tasks.spawn("interrupted-upload", async move { discard_content(&cx, blob).await });
    }
}

async fn discard_content(cx: &ImagesContext, blob: BlobId) {
    let discard = async {
        let tx = cx.store.begin().await?;
        cx.store.delete_incoming(&tx, blob).await?;
        cx.store.add_garbage(&tx, blob).await?;
        tx.commit().await
    };
    match discard.await {
        Ok(()) => garbage_collection::delete_garbage_or_log(cx).await,
        Err(error) => log_error!(&error, "interrupted upload not deleted; the next collection deletes it"),
    }
}

struct ContentCounter {
    cx: ImagesContext,
    quota: OwnerQuota,
    blob: BlobId,
    /// Size in the row: the received bytes and those that are reserved ahead.
    reserved: u64,
    /// Bytes that the next reservation takes ahead.
    ahead: u64,
    received: u64,
    /// Received bytes at the last update of the row.
    counted: u64,
    touched_at: Timestamp,
}

impl ContentCounter {
    async fn count_bytes(&mut self, bytes: u64) -> Result<()> {
        self.received += bytes;
        let now = self.cx.now();
        let idle = Duration::try_from(now.duration_since(self.touched_at)).unwrap_or_default();
        let is_due = self.received - self.counted >= COUNT_STEP_BYTES || idle >= TOUCH_INTERVAL;
        if self.received > self.reserved {
            self.reserve_ahead(now).await
        } else if is_due {
            self.reserve_bytes(self.reserved, now).await
        } else {
            Ok(())
        }
    }

    /// Reserves the received bytes and some more; only the received ones when the quota has no room for more.
    async fn reserve_ahead(&mut self, now: Timestamp) -> Result<()> {
        match self.reserve_bytes(self.received.saturating_add(self.ahead), now).await {
            Ok(()) => self.ahead = (self.ahead * 2).min(MAX_RESERVED_BYTES),
            Err(error) if error.code() == QUOTA_ERROR_CODE => {
                self.ahead = (self.ahead / 4).max(MIN_RESERVED_BYTES);
                self.reserve_bytes(self.received, now).await?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn reserve_bytes(&mut self, size: u64, now: Timestamp) -> Result<()> {
        let tx = self.cx.store.begin().await?;
        self.quota.lock_owner(&tx).await?;
        if !self.cx.store.update_incoming(&tx, self.blob, size, now).await? {
            return Err(build_ended_error());
        }
        self.quota.check_usage(&self.cx, &tx).await?;
        tx.commit().await?;
        (self.reserved, self.counted, self.touched_at) = (size, self.received, now);
        Ok(())
    }
}

/// Builds the error for an upload that does not exist or has ended.
pub fn build_ended_error() -> Error {
    Error::new(ErrorKind::NotFound, "blob-upload-unknown", "the upload does not exist or has been cancelled")
        .help("begin a new upload")
}
