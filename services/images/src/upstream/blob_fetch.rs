//! Fetches of blobs that several requests wait for.
//!
//! One task fetches a blob, stores it, and hands each chunk on to the requests that wait. Only a limited number of
//! chunks is kept: a request that comes late or reads slowly waits for the end of the fetch, and reads the rest
//! from the store. The last chunk is never handed on, so that no client completes a blob whose digest was not checked.
//!
//! | state | waiting request |
//! |---|---|
//! | `Opening` | waits |
//! | `Receiving` | answers with the size and sends chunks |
//! | `Stored` | reads the rest from the store |
//! | `Failed` | answers with the error, or breaks its connection if it has answered |

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use hearth_base::{BlobId, Digest, Error, Result};
use hearth_kit::blobs::{BlobStore, ContentStream};
use tokio::sync::{broadcast, watch};

use super::UpstreamName;

/// Chunks that are kept for the requests that wait.
const KEPT_CHUNKS: usize = 64;
/// Maximum size of a chunk, in bytes.
const MAX_CHUNK_BYTES: usize = 64 << 10;

/// State of a fetch.
#[derive(Debug, Clone)]
pub enum FetchState {
    /// The upstream has not answered.
    Opening,
    /// Content arrives. The size is what the upstream announced.
    Receiving { size: Option<u64> },
    /// The content is stored, and its digest was checked.
    Stored { blob: BlobId, size: u64 },
    /// The fetch has ended without the content.
    Failed(Error),
}

/// A fetch of a blob.
pub struct BlobFetch {
    state: watch::Sender<FetchState>,
    chunks: broadcast::Sender<FetchedChunk>,
    /// Bytes that it needs in the store.
    reserved: AtomicU64,
}

#[derive(Debug, Clone)]
struct FetchedChunk {
    offset: u64,
    bytes: Bytes,
}

type FetchKey = (UpstreamName, Digest);

/// Fetches in progress.
#[derive(Clone, Default)]
pub struct BlobFetches(Arc<Mutex<BTreeMap<FetchKey, Arc<BlobFetch>>>>);

/// Ends a fetch when it is dropped: as failed, unless its end was recorded.
pub struct FetchGuard {
    fetches: BlobFetches,
    key: FetchKey,
    fetch: Arc<BlobFetch>,
}

impl BlobFetches {
    /// Subscribes to the fetch of a blob. The guard is for the first request, which has to fetch it.
    pub fn join_fetch(&self, upstream: &UpstreamName, digest: Digest) -> (FetchReader, Option<FetchGuard>) {
        let key = (upstream.clone(), digest);
        match self.lock_fetches().entry(key.clone()) {
            Entry::Occupied(entry) => (FetchReader::new(entry.get()), None),
            Entry::Vacant(entry) => {
                let fetch = entry.insert(Arc::new(BlobFetch::new())).clone();
                (FetchReader::new(&fetch), Some(FetchGuard { fetches: self.clone(), key, fetch }))
            }
        }
    }

    /// Sums the bytes that the fetches of an upstream need in the store.
    pub fn sum_reserved_bytes(&self, upstream: &UpstreamName) -> u64 {
        let fetches = self.lock_fetches();
        let own = fetches.iter().filter(|((name, _), _)| name == upstream);
        own.map(|(_, fetch)| fetch.reserved.load(Ordering::Relaxed)).sum()
    }

    fn lock_fetches(&self) -> MutexGuard<'_, BTreeMap<FetchKey, Arc<BlobFetch>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobFetch {
    fn new() -> Self {
        let (state, _) = watch::channel(FetchState::Opening);
        let (chunks, _) = broadcast::channel(KEPT_CHUNKS);
        Self { state, chunks, reserved: AtomicU64::new(0) }
    }

    /// Reserves bytes of the store, until the fetch ends.
    pub fn reserve_bytes(&self, size: u64) {
        self.reserved.store(size, Ordering::Relaxed);
    }

    /// The upstream has begun its answer.
    pub fn begin_content(&self, size: Option<u64>) {
        self.state.send_replace(FetchState::Receiving { size });
    }

    /// Hands the chunks of a stream on to the waiting requests, each once the next one has arrived.
    pub fn hand_on<S>(self: Arc<Self>, content: S) -> impl Stream<Item = Result<Bytes>> + Send
    where
        S: Stream<Item = Result<Bytes>> + Send + Unpin + 'static,
    {
        stream::try_unfold(
            (self, content, 0_u64, Bytes::new()),
            async |(fetch, mut content, offset, held)| {
                let Some(bytes) = content.next().await.transpose()? else { return Ok(None) };
                let mut at = offset - held.len() as u64;
                let mut rest = held;
                while !rest.is_empty() {
                    let bytes = rest.split_to(rest.len().min(MAX_CHUNK_BYTES));
                    let (offset, length) = (at, bytes.len() as u64);
                    // No request may be waiting any more.
                    let _unheard = fetch.chunks.send(FetchedChunk { offset, bytes });
                    at += length;
                }
                let end = offset + bytes.len() as u64;
                Ok(Some((bytes.clone(), (fetch, content, end, bytes))))
            },
        )
    }
}

impl FetchGuard {
    /// The fetch.
    pub fn fetch(&self) -> &Arc<BlobFetch> {
        &self.fetch
    }

    /// Records the end of the fetch.
    pub fn finish_fetch(self, stored: Result<(BlobId, u64)>) {
        self.fetch.state.send_replace(match stored {
            Ok((blob, size)) => FetchState::Stored { blob, size },
            Err(error) => FetchState::Failed(error),
        });
    }
}

impl Drop for FetchGuard {
    fn drop(&mut self) {
        self.fetches.lock_fetches().remove(&self.key);
        self.fetch.state.send_if_modified(|state| {
            let is_active = matches!(state, FetchState::Opening | FetchState::Receiving { .. });
            if is_active {
                let error =
                    Error::unavailable("upstream-interrupted", "the fetch from the upstream was interrupted");
                *state = FetchState::Failed(error.help("try again in a moment"));
            }
            is_active
        });
    }
}

/// A request that waits for a fetch.
pub struct FetchReader {
    state: watch::Receiver<FetchState>,
    chunks: broadcast::Receiver<FetchedChunk>,
    /// Bytes that were read.
    position: u64,
    /// The content behind `position`, from the store.
    rest: Option<ContentStream>,
}

impl FetchReader {
    fn new(fetch: &BlobFetch) -> Self {
        let (state, chunks) = (fetch.state.subscribe(), fetch.chunks.subscribe());
        Self { state, chunks, position: 0, rest: None }
    }

    /// Waits until the upstream has answered, or the fetch has failed. Returns the size, where it is known.
    pub async fn wait_for_answer(&mut self) -> Result<Option<u64>> {
        match self.wait_for_state(|state| !matches!(state, FetchState::Opening)).await? {
            FetchState::Receiving { size } => Ok(size),
            FetchState::Stored { size, .. } => Ok(Some(size)),
            FetchState::Failed(error) => Err(error),
            FetchState::Opening => Err(Error::internal("a fetch that has not begun was waited for")),
        }
    }

    /// Waits until the content is stored. Returns its id and size.
    pub async fn wait_for_end(&mut self) -> Result<(BlobId, u64)> {
        match self.wait_for_state(has_ended).await? {
            FetchState::Stored { blob, size } => Ok((blob, size)),
            FetchState::Failed(error) => Err(error),
            FetchState::Opening | FetchState::Receiving { .. } => {
                Err(Error::internal("a fetch that has not ended was waited for"))
            }
        }
    }

    async fn wait_for_state(&mut self, is_wanted: fn(&FetchState) -> bool) -> Result<FetchState> {
        let state = self.state.wait_for(is_wanted).await.map_err(Error::internal)?;
        Ok(state.clone())
    }

    /// Streams the content: chunks as they arrive, then the rest from the store.
    pub fn into_stream(self, blobs: BlobStore) -> impl Stream<Item = Result<Bytes>> + Send {
        stream::try_unfold((self, blobs), async |(mut reader, blobs)| {
            let chunk = reader.next_chunk(&blobs).await?;
            Ok(chunk.map(|chunk| (chunk, (reader, blobs))))
        })
    }

    async fn next_chunk(&mut self, blobs: &BlobStore) -> Result<Option<Bytes>> {
        if self.rest.is_none() {
            let received = tokio::select! {
                biased;
                received = self.chunks.recv() => received.ok(),
                _ended = self.state.wait_for(has_ended) => None,
            };
            if let Some(chunk) = received.filter(|chunk| chunk.offset == self.position) {
                self.position += chunk.bytes.len() as u64;
                return Ok(Some(chunk.bytes));
            }
            let (blob, size) = self.wait_for_end().await?;
            if self.position >= size {
                return Ok(None);
            }
            let missing = || Error::internal(format!("the content {blob} was deleted while it was read"));
            self.rest = Some(blobs.read(blob, Some(self.position..size)).await?.ok_or_else(missing)?);
        }
        match &mut self.rest {
            Some(rest) => rest.next().await.transpose(),
            None => Ok(None),
        }
    }
}

fn has_ended(state: &FetchState) -> bool {
    matches!(state, FetchState::Stored { .. } | FetchState::Failed(_))
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use hearth_base::{Entropy, Role};
    use hearth_kit::{config::DiskSettings, state::StateFolder};
    use jiff::Timestamp;

    use super::*;

    fn open_memory_store() -> Result<BlobStore> {
        BlobStore::open(&StateFolder::without_folder(), Role::Images, &DiskSettings::default())
    }

    fn build_chunks(count: usize, bytes: usize) -> Vec<Bytes> {
        (0..count).map(|number| Bytes::from(vec![u8::try_from(number % 251).unwrap(); bytes])).collect()
    }

    /// Fetches chunks while readers read, and returns what each read.
    async fn fetch_chunks(chunks: &[Bytes], readers: usize) -> Result<Vec<Vec<u8>>> {
        let blobs = open_memory_store()?;
        let digest = Digest::new([0; 32]);
        let (fetches, upstream) = (BlobFetches::default(), "hub".parse()?);
        let (first, guard) = fetches.join_fetch(&upstream, digest);
        let guard = guard.unwrap();
        let mut joined = vec![first];
        joined.extend((1..readers).map(|_| fetches.join_fetch(&upstream, digest).0));
        let content = stream::iter(chunks.to_vec()).map(Ok);
        let id = BlobId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
        let fetch = async {
            guard.fetch().begin_content(None);
            let written = blobs.write(id, guard.fetch().clone().hand_on(content), u64::MAX).await?;
            let late = fetches.join_fetch(&upstream, digest).0;
            guard.finish_fetch(Ok((id, written.size)));
            Ok::<_, Error>(late)
        };
        let read = |reader: FetchReader| {
            reader.into_stream(blobs.clone()).try_fold(Vec::new(), async |mut all, bytes| {
                all.extend_from_slice(&bytes);
                Ok(all)
            })
        };
        let reading = futures::future::try_join_all(joined.into_iter().map(read));
        let (late, mut all) = futures::try_join!(fetch, reading)?;
        all.push(read(late).await?);
        Ok(all)
    }

    #[tokio::test]
    async fn every_request_reads_the_whole_content_of_one_fetch() -> Result<()> {
        for (count, bytes) in [(0, 0), (1, 10), (3, 1000), (500, 1000), (4, 300_000)] {
            let chunks = build_chunks(count, bytes);
            let whole = chunks.concat();
            for read in fetch_chunks(&chunks, 3).await? {
                assert!(read == whole, "{count} chunks of {bytes} bytes");
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn content_of_a_failed_fetch_is_never_complete() -> Result<()> {
        let blobs = open_memory_store()?;
        let (fetches, upstream) = (BlobFetches::default(), "hub".parse()?);
        let (reader, guard) = fetches.join_fetch(&upstream, Digest::new([0; 32]));
        let guard = guard.unwrap();
        let chunks = build_chunks(3, 10);
        guard.fetch().begin_content(Some(30));
        let content = stream::iter(chunks).map(Ok);
        let handed: Vec<Bytes> = guard.fetch().clone().hand_on(content).try_collect().await?;
        assert_eq!(handed.len(), 3);
        guard.finish_fetch(Err(Error::unavailable("upstream-invalid", "wrong")));
        let read: Vec<Result<Bytes>> = reader.into_stream(blobs).collect().await;
        let received: usize = read.iter().flatten().map(Bytes::len).sum();
        assert_eq!((received, read.last().unwrap().as_ref().unwrap_err().code()), (20, "upstream-invalid"));
        Ok(())
    }

    #[tokio::test]
    async fn dropped_fetch_fails_and_the_next_request_fetches_again() -> Result<()> {
        let (fetches, upstream) = (BlobFetches::default(), "hub".parse()?);
        let (mut reader, guard) = fetches.join_fetch(&upstream, Digest::new([0; 32]));
        assert!(fetches.join_fetch(&upstream, Digest::new([0; 32])).1.is_none());
        let guard = guard.unwrap();
        guard.fetch().reserve_bytes(7);
        assert_eq!(fetches.sum_reserved_bytes(&upstream), 7);
        drop(guard);
        assert_eq!(fetches.sum_reserved_bytes(&upstream), 0);
        assert_eq!(reader.wait_for_answer().await.unwrap_err().code(), "upstream-interrupted");
        assert!(fetches.join_fetch(&upstream, Digest::new([0; 32])).1.is_some());
        Ok(())
    }
}
