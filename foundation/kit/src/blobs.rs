//! Blob store: content too large for a database, in files or in any backend that `object_store` supports.
//!
//! A blob is written once under a new id, as a stream that is hashed while it is written with bounded memory, and
//! is immutable. The owning service's rows record its purpose, its digest and when it may be deleted. Ids are never
//! reused, so deleting a blob cannot race with a new use of it.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use hearth_base::{BlobId, Digest, Error, ErrorKind, FreeSpace, Result, Role};
pub use hearth_client::BoxError;
use http_body_util::LengthLimitError;
use jiff::Timestamp;
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt, WriteMultipart, local::LocalFileSystem,
    memory::InMemory, path, prefix::PrefixStore,
};
use sha2::{Digest as _, Sha256};

use crate::{config::DiskSettings, state::StateFolder};

/// The blob store of one service.
#[derive(Clone)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    floor: Option<Arc<FolderFloor>>,
}

/// Floor of free space on the disk of a folder.
struct FolderFloor {
    folder: PathBuf,
    min_free: u64,
    /// Bytes that writes in progress may add before they check the free space again.
    reserved: AtomicU64,
}

/// Bytes of the disk for one write, until it is dropped.
struct SpaceReservation {
    floor: Arc<FolderFloor>,
    bytes: u64,
}

impl FolderFloor {
    /// Reserves bytes for a write. Error `disk-low` when all writes in progress together may reach the floor.
    fn reserve_space(self: &Arc<Self>, bytes: u64) -> Result<SpaceReservation> {
        self.reserved.fetch_add(bytes, Ordering::Relaxed);
        let reservation = SpaceReservation { floor: self.clone(), bytes };
        self.check()?;
        Ok(reservation)
    }

    fn check(&self) -> Result<()> {
        let disk = rustix::fs::statvfs(&self.folder).map_err(Error::internal)?;
        let bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        let bytes = bytes.saturating_sub(self.reserved.load(Ordering::Relaxed));
        let free = FreeSpace { bytes, inodes: disk.f_files, free_inodes: disk.f_favail };
        free.check_floor("the disk with Hearth's data", self.min_free)
    }
}

impl Drop for SpaceReservation {
    fn drop(&mut self) {
        self.floor.reserved.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Digest and size of a blob that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A blob in a listing of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedBlob {
    /// Its id.
    pub id: BlobId,
    /// Time when the upload was completed.
    pub written_at: Timestamp,
}

/// Content of a blob that is being read.
pub type ContentStream = BoxStream<'static, Result<Bytes>>;

impl BlobStore {
    /// Size of one part of a multipart upload: the minimum that S3 accepts.
    const UPLOAD_PART_BYTES: usize = 5 << 20;
    /// Written bytes between two checks of the free disk space, which each write reserves.
    const FLOOR_CHECK_BYTES: u64 = 16 << 20;

    /// Opens the store of `role` in the state folder; in memory when there is no state folder.
    pub fn open(state: &StateFolder, role: Role, disk: &DiskSettings) -> Result<Self> {
        if state.is_absent() {
            return Ok(Self::with_store(Arc::new(InMemory::new()), role));
        }
        Self::open_folder(&state.blobs_folder(), role, disk)
    }

    /// The store of `role` in an existing folder.
    pub fn open_folder(folder: &Path, role: Role, disk: &DiskSettings) -> Result<Self> {
        let files = LocalFileSystem::new_with_prefix(folder).map_err(to_store_error)?.with_fsync(true);
        let floor =
            FolderFloor { folder: folder.to_owned(), min_free: disk.min_free, reserved: AtomicU64::new(0) };
        Ok(Self { floor: Some(Arc::new(floor)), ..Self::with_store(Arc::new(files), role) })
    }

    /// The store of `role` on any backend.
    pub fn with_store(store: Arc<dyn ObjectStore>, role: Role) -> Self {
        Self { objects: Arc::new(PrefixStore::new(store, role.name())), floor: None }
    }

    /// Error `disk-low` (unavailable) when the disk has less free space than the operator's floor.
    pub fn check_free_space(&self) -> Result<()> {
        self.floor.as_ref().map_or(Ok(()), |floor| floor.check())
    }

    /// Writes a new blob of at most `limit` bytes. On an error the blob does not exist.
    ///
    /// Errors: `content-too-large` (too large), `body-broken` (invalid), `disk-low`, `disk-full` and `blob-store`
    /// (unavailable).
    pub async fn write<S, E>(&self, id: BlobId, content: S, limit: u64) -> Result<WrittenBlob>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<BoxError>,
    {
        let reserved = limit.min(Self::FLOOR_CHECK_BYTES);
        let _reservation = self.floor.as_ref().map(|floor| floor.reserve_space(reserved)).transpose()?;
        let upload = self
            .objects
            .put_multipart_opts(&build_blob_path(id), Default::default())
            .await
            .map_err(to_store_error)?;
        let mut writing = WriteMultipart::new_with_chunk_size(upload, Self::UPLOAD_PART_BYTES);
        let written = self.write_chunks(&mut writing, content, limit).await;
        match written {
            Ok(written) => {
                writing.finish().await.map_err(to_store_error)?;
                Ok(written)
            }
            Err(error) => {
                if let Err(cause) = writing.abort().await {
                    tracing::debug!(%cause, %id, "incomplete upload not aborted; its parts remain");
                }
                Err(error)
            }
        }
    }

    async fn write_chunks<S, E>(
        &self,
        writing: &mut WriteMultipart,
        content: S,
        limit: u64,
    ) -> Result<WrittenBlob>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<BoxError>,
    {
        let mut content = std::pin::pin!(content);
        let mut hash = Sha256::new();
        let mut size = 0_u64;
        while let Some(bytes) = content.next().await {
            let bytes = bytes.map_err(to_body_error)?;
            size += bytes.len() as u64;
            if size > limit {
                return Err(build_too_large_error(limit));
            }
            if size / Self::FLOOR_CHECK_BYTES > (size - bytes.len() as u64) / Self::FLOOR_CHECK_BYTES {
                self.check_free_space()?;
            }
            hash.update(&bytes);
            // Back-pressure: wait until the last part is written, so that a fast sender does not fill the memory.
            writing.wait_for_capacity(1).await.map_err(to_store_error)?;
            writing.put(bytes);
        }
        Ok(WrittenBlob { digest: Digest::new(hash.finalize().into()), size })
    }

    /// Reads a blob, or the byte range `part` of it; `None` when the blob does not exist.
    pub async fn read(&self, id: BlobId, part: Option<Range<u64>>) -> Result<Option<ContentStream>> {
        let options = GetOptions { range: part.map(GetRange::Bounded), ..GetOptions::default() };
        match self.objects.get_opts(&build_blob_path(id), options).await {
            Ok(found) => Ok(Some(found.into_stream().map_err(to_store_error).boxed())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(to_store_error(cause)),
        }
    }

    /// Deletes a blob. A missing blob counts as deleted.
    pub async fn delete(&self, id: BlobId) -> Result<()> {
        match self.objects.delete(&build_blob_path(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(to_store_error(cause)),
        }
    }

    /// Lists all blobs of the service, in no particular order.
    pub fn list(&self) -> BoxStream<'static, Result<ListedBlob>> {
        let found = self.objects.list(None).map_err(to_store_error);
        found.try_filter_map(|meta| std::future::ready(Ok(read_listed_blob(&meta)))).boxed()
    }
}

impl fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobStore({})", self.objects)
    }
}

/// Path of a blob. Ids begin with a timestamp and end with random characters: the last two name a subfolder, which
/// spreads the blobs over small folders.
fn build_blob_path(id: BlobId) -> path::Path {
    let id = id.to_string();
    let (_, end) = id.split_at(id.len().saturating_sub(2));
    path::Path::from_iter([end, &id])
}

fn read_listed_blob(meta: &object_store::ObjectMeta) -> Option<ListedBlob> {
    let id = meta.location.filename()?.parse().ok()?;
    let written = Timestamp::from_microsecond(meta.last_modified.timestamp_micros()).ok()?;
    Some(ListedBlob { id, written_at: written })
}

/// Error (`content-too-large`) for content of more than `limit` bytes.
pub fn build_too_large_error(limit: u64) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        "content-too-large",
        format!("the content is too large; at most {limit} bytes"),
    )
}

fn to_body_error(cause: impl Into<BoxError>) -> Error {
    let cause = cause.into();
    let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(&*cause);
    while let Some(error) = inner {
        if let Some(refused) = error.downcast_ref::<Error>() {
            return refused.clone();
        }
        if error.is::<LengthLimitError>() {
            return Error::new(
                ErrorKind::TooLarge,
                "content-too-large",
                "the content is too large for this endpoint",
            )
            .help("send less, or ask an operator of this Hearth for a higher limit");
        }
        inner = error.source();
    }
    Error::invalid("body-broken", "the content ended early: the connection was interrupted").with_cause(cause)
}

fn to_store_error(cause: object_store::Error) -> Error {
    let full =
        std::iter::successors(Some(&cause as &(dyn std::error::Error + 'static)), |error| error.source())
            .filter_map(|error| error.downcast_ref::<std::io::Error>())
            .any(|error| error.kind() == std::io::ErrorKind::StorageFull);
    if full {
        return Error::unavailable("disk-full", "the disk with Hearth's data is full; nothing was changed")
            .help("ask an operator of this Hearth to free disk space")
            .with_cause(cause);
    }
    Error::unavailable("blob-store", "the blob store does not respond")
        .help("try again in a moment")
        .with_cause(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_in_progress_share_the_space_above_the_floor() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let disk = rustix::fs::statvfs(folder.path()).map_err(Error::internal)?;
        let most_of_it = disk.f_bavail.saturating_mul(disk.f_frsize) / 10 * 7;
        let (folder, reserved) = (folder.path().to_owned(), AtomicU64::new(0));
        let floor = Arc::new(FolderFloor { folder, min_free: 1, reserved });
        let first = floor.reserve_space(most_of_it)?;
        assert_eq!(floor.reserve_space(most_of_it).err().as_ref().map(Error::code), Some("disk-low"));
        drop(first);
        floor.reserve_space(most_of_it).map(drop)
    }
}
