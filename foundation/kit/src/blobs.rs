//! The blob store: content too large for a database, in files or in any store that `object_store` speaks to.
//!
//! A piece of content is written once under an id of its own, as a stream of bounded memory that is hashed on its
//! way, and never changes. What it is for, by which digest it is known and when it can go is decided by the rows
//! of the service that owns it: because an id is never used again, deleting content cannot meet a new use of it.

use std::{fmt, ops::Range, path::Path, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use hearth_base::{BlobId, Digest, Error, Kind, Result, Role};
pub use hearth_client::BoxError;
use http_body_util::LengthLimitError;
use jiff::Timestamp;
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt, WriteMultipart, local::LocalFileSystem,
    memory::InMemory, path, prefix::PrefixStore,
};
use sha2::{Digest as _, Sha256};

use crate::state::StateFolder;

/// The content that one service keeps.
#[derive(Clone)]
pub struct Blobs(Arc<dyn ObjectStore>);

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A piece of content, as the store lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: BlobId,
    /// When it was complete.
    pub written: Timestamp,
}

/// Content on its way out.
pub type Content = BoxStream<'static, Result<Bytes>>;

impl Blobs {
    /// How much is given to the store at once: the least that S3 takes as a part.
    const PART: usize = 5 << 20;

    /// The content of `role` in the state folder; in memory when that is nowhere.
    pub fn of(state: &StateFolder, role: Role) -> Result<Self> {
        if state.is_nowhere() {
            return Ok(Self::within(Arc::new(InMemory::new()), role));
        }
        Self::in_folder(&state.blobs(), role)
    }

    /// The content of `role` in a folder that is there.
    pub fn in_folder(folder: &Path, role: Role) -> Result<Self> {
        let files = LocalFileSystem::new_with_prefix(folder).map_err(fault)?.with_fsync(true);
        Ok(Self::within(Arc::new(files), role))
    }

    /// The content of `role` in any store.
    pub fn within(store: Arc<dyn ObjectStore>, role: Role) -> Self {
        Self(Arc::new(PrefixStore::new(store, role.name())))
    }

    /// Writes new content, at most `limit` bytes of it. It is there when this has succeeded, and otherwise not at
    /// all.
    pub async fn write<S, E>(&self, id: BlobId, content: S, limit: u64) -> Result<Written>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<BoxError>,
    {
        let upload = self.0.put_multipart_opts(&place(id), Default::default()).await.map_err(fault)?;
        let mut writing = WriteMultipart::new_with_chunk_size(upload, Self::PART);
        let written = fill(&mut writing, content, limit).await;
        match written {
            Ok(written) => {
                writing.finish().await.map_err(fault)?;
                Ok(written)
            }
            Err(error) => {
                if let Err(cause) = writing.abort().await {
                    tracing::debug!(%cause, %id, "what was begun to be written stays for now");
                }
                Err(error)
            }
        }
    }

    /// Reads content, or a part of it; `None` when it is not there.
    pub async fn read(&self, id: BlobId, part: Option<Range<u64>>) -> Result<Option<Content>> {
        let options = GetOptions { range: part.map(GetRange::Bounded), ..GetOptions::default() };
        match self.0.get_opts(&place(id), options).await {
            Ok(found) => Ok(Some(found.into_stream().map_err(fault).boxed())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(fault(cause)),
        }
    }

    /// Deletes content; what is not there is deleted already.
    pub async fn delete(&self, id: BlobId) -> Result<()> {
        match self.0.delete(&place(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(fault(cause)),
        }
    }

    /// Everything there is, in no particular order.
    pub fn list(&self) -> BoxStream<'static, Result<Listed>> {
        let found = self.0.list(None).map_err(fault);
        found.try_filter_map(|meta| std::future::ready(Ok(listed(&meta)))).boxed()
    }
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blobs({})", self.0)
    }
}

async fn fill<S, E>(writing: &mut WriteMultipart, content: S, limit: u64) -> Result<Written>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError>,
{
    let mut content = std::pin::pin!(content);
    let mut hash = Sha256::new();
    let mut size = 0_u64;
    while let Some(bytes) = content.next().await {
        let bytes = bytes.map_err(broken_off)?;
        size += bytes.len() as u64;
        if size > limit {
            return Err(too_large(limit));
        }
        hash.update(&bytes);
        // What comes faster than it can be written waits here and not in memory.
        writing.wait_for_capacity(1).await.map_err(fault)?;
        writing.put(bytes);
    }
    Ok(Written { digest: Digest::new(hash.finalize().into()), size })
}

/// Two folder levels keep folders small: ids begin with the time, and end with chance.
fn place(id: BlobId) -> path::Path {
    let id = id.to_string();
    let (_, end) = id.split_at(id.len().saturating_sub(2));
    path::Path::from_iter([end, &id])
}

fn listed(meta: &object_store::ObjectMeta) -> Option<Listed> {
    let id = meta.location.filename()?.parse().ok()?;
    let written = Timestamp::from_microsecond(meta.last_modified.timestamp_micros()).ok()?;
    Some(Listed { id, written })
}

/// The refusal of content that is larger than it may be.
pub fn too_large(limit: u64) -> Error {
    Error::new(Kind::TooLarge, "content-too-large", format!("this can hold {limit} bytes at most"))
}

fn broken_off(cause: impl Into<BoxError>) -> Error {
    let cause = cause.into();
    let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(&*cause);
    while let Some(error) = inner {
        if let Some(refused) = error.downcast_ref::<Error>() {
            return refused.clone();
        }
        if error.is::<LengthLimitError>() {
            return Error::new(Kind::TooLarge, "content-too-large", "this is more than may be sent here");
        }
        inner = error.source();
    }
    Error::invalid("body-broken", "the content broke off before its end").because(cause)
}

fn fault(cause: object_store::Error) -> Error {
    let full =
        std::iter::successors(Some(&cause as &(dyn std::error::Error + 'static)), |error| error.source())
            .filter_map(|error| error.downcast_ref::<std::io::Error>())
            .any(|error| error.kind() == std::io::ErrorKind::StorageFull);
    if full {
        return Error::unavailable(
            "disk-full",
            "the disk that holds Hearth's data is full; nothing was changed",
        )
        .help("whoever runs this Hearth has to make room")
        .because(cause);
    }
    Error::unavailable("blob-store", "the store of large content does not answer")
        .help("try again in a moment")
        .because(cause)
}
