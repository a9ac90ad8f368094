//! Search of lines. It reads the chunks that may hold matching lines, from the requested end. Lines of
//! several logs are merged in the order of their positions.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use futures::future::{try_join, try_join_all};
use hearth_base::{Error, Result};
use hearth_wire::logs::{LogsDirection, LogsStream};
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::{
    context::LogsContext,
    pattern::Pattern,
    search_permits::count_processors,
    store::{ChunkRange, ChunkReader, Instance, StoredChunk, StoredLine, StoredLog},
};

/// The number of chunks that one read of a single log fetches.
const CHUNKS_PER_READ: u64 = 8;
/// The number of chunks that one read of one among several logs fetches.
const CHUNKS_PER_READ_OF_SEVERAL_LOGS: u64 = 1;
/// The number of chunks that one read of a search for a pattern fetches. The next read is fetched meanwhile.
const CHUNKS_PER_READ_OF_SEARCH: u64 = 32;
/// The maximum number of chunks that one search reads: two gigabytes of text.
const MAX_CHUNKS_PER_SEARCH: u64 = 8192;

/// The conditions of a search.
#[derive(Debug, Clone, Default)]
pub struct LineFilter {
    /// Only lines after this position.
    pub after: Option<i64>,
    /// Only lines before this position.
    pub before: Option<i64>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only lines of these jobs.
    pub jobs: Option<Arc<BTreeSet<String>>>,
    pub stream: Option<LogsStream>,
    pub run: Option<String>,
    /// Only lines that match.
    pub pattern: Option<Pattern>,
    pub order: LogsDirection,
    /// The maximum number of lines.
    pub limit: usize,
}

/// The result of a search.
#[derive(Debug, Default)]
pub struct LineSearchResult {
    /// The searched logs.
    pub logs: Vec<StoredLog>,
    /// The lines in the requested order, each with the index of its log in `logs`.
    pub lines: Vec<(usize, StoredLine)>,
    /// The containers that wrote the lines, by log index and container number.
    writers: BTreeMap<(usize, i32), Instance>,
    /// True if more lines match.
    pub has_more: bool,
    /// The last position that the search covered.
    pub head: i64,
    /// The time of the lines at which the search stopped at [`MAX_CHUNKS_PER_SEARCH`].
    pub stopped_at: Option<Timestamp>,
}

impl LineSearchResult {
    /// Returns the position of the last found line.
    pub fn last_position(&self) -> Option<i64> {
        self.lines.last().map(|(_, line)| line.position)
    }

    /// Finds the run and the name of the container that wrote a line.
    pub fn find_writer(&self, log: usize, line: &StoredLine) -> (String, String) {
        let writer = self.writers.get(&(log, line.instance));
        writer.map(|writer| (writer.run.clone(), writer.name.clone())).unwrap_or_default()
    }
}

/// Finds lines in logs of one tool.
pub async fn find_lines(
    cx: &LogsContext,
    mut logs: Vec<StoredLog>,
    filter: &LineFilter,
) -> Result<LineSearchResult> {
    let end = logs.iter().map(|log| log.next).max().unwrap_or(0);
    let head = (end - 1).max(filter.after.unwrap_or(-1));
    // Skip lines that are written from now on, also to other logs: otherwise a line before `head` could be
    // missed.
    let filter =
        &LineFilter { before: Some(filter.before.map_or(end, |before| before.min(end))), ..filter.clone() };
    if let Some(jobs) = &filter.jobs {
        logs.retain(|log| jobs.contains(&log.name));
    }
    let mut found = LineSearchResult { head, ..LineSearchResult::default() };
    let mut readers = Vec::new();
    for (index, log) in logs.iter().enumerate() {
        readers.extend(LogReader::open(cx, index, log, filter, logs.len() > 1).await?);
    }
    let mut chunks_read = 0;
    while let Some(reader) = select_next_reader(&mut readers, filter.order) {
        let Some(line) = reader.ready.pop_front() else {
            if chunks_read > MAX_CHUNKS_PER_SEARCH {
                found.stopped_at = reader.reached;
                break;
            }
            chunks_read += reader.read(cx, filter).await?;
            continue;
        };
        if found.lines.len() == filter.limit {
            found.has_more = true;
            break;
        }
        found.lines.push((reader.index, line));
    }
    if let (LogsDirection::OldestFirst, true, Some(last)) =
        (filter.order, found.has_more, found.last_position())
    {
        // The lines after the last found one are not searched yet.
        found.head = last;
    }
    for (index, log) in logs.iter().enumerate() {
        let writer_numbers =
            found.lines.iter().filter(|(line_log, _)| *line_log == index).map(|(_, line)| line.instance);
        let writer_numbers: BTreeSet<i32> = writer_numbers.collect();
        if !writer_numbers.is_empty() {
            let writers = cx.store.list_instances(log.id, writer_numbers).await?;
            found.writers.extend(writers.into_iter().map(|(number, writer)| ((index, number), writer)));
        }
    }
    found.logs = logs;
    Ok(found)
}

/// Selects the reader whose next line comes first; `None` after the end of all readers.
fn select_next_reader<'a, 'b>(
    readers: &'a mut Vec<LogReader<'b>>,
    order: LogsDirection,
) -> Option<&'a mut LogReader<'b>> {
    readers.retain(|reader| !reader.is_exhausted || !reader.ready.is_empty());
    readers.iter_mut().min_by_key(|reader| match order {
        LogsDirection::NewestFirst => -reader.next_position(),
        LogsDirection::OldestFirst => reader.next_position(),
    })
}

/// A reader of one log.
struct LogReader<'a> {
    /// The index of the log.
    index: usize,
    log: &'a StoredLog,
    /// The chunks that are not read yet.
    range: ChunkRange,
    /// True if it is the only reader. Only then it fetches ahead: several readers would hold too much.
    is_only_reader: bool,
    /// The first chunks of `range` if they are fetched already.
    prefetched: Option<Vec<StoredChunk>>,
    /// The matching lines that were read.
    ready: VecDeque<StoredLine>,
    is_exhausted: bool,
    chunks_per_read: u64,
    /// The time of the lines that were read last.
    reached: Option<Timestamp>,
    /// The numbers of the containers of the requested run.
    run: Option<Vec<i32>>,
}

impl<'a> LogReader<'a> {
    /// Opens a reader of a log. Returns `None` if the log can hold no matching line.
    async fn open(
        cx: &LogsContext,
        index: usize,
        log: &'a StoredLog,
        filter: &LineFilter,
        several: bool,
    ) -> Result<Option<Self>> {
        let LineFilter { since, until, order, .. } = *filter;
        let mut from = filter.after.map_or(0, |after| after.saturating_add(1));
        let mut before = filter.before.unwrap_or(log.next).min(log.next);
        let mut run = None;
        if let Some(name) = &filter.run {
            let writers = cx.store.list_instances_of_run(log.id, name).await?;
            let (first, last) = (
                writers.iter().map(|writer| writer.first).min(),
                writers.iter().map(|writer| writer.last).max(),
            );
            let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
            (from, before) = (from.max(first), before.min(last.saturating_add(1)));
            run = Some(writers.iter().map(|writer| writer.number).collect());
        }
        if from >= before {
            return Ok(None);
        }
        if from > 0 {
            from = cx.store.find_chunk_of_position(log.id, from).await?;
        }
        let chunks_per_read = match (&filter.pattern, several) {
            (Some(_), _) => CHUNKS_PER_READ_OF_SEARCH,
            (None, true) => CHUNKS_PER_READ_OF_SEVERAL_LOGS,
            (None, false) => CHUNKS_PER_READ,
        };
        let range = ChunkRange { from, before, since, until, order };
        Ok(Some(Self {
            index,
            log,
            range,
            is_only_reader: !several,
            prefetched: None,
            ready: VecDeque::new(),
            is_exhausted: false,
            chunks_per_read,
            reached: None,
            run,
        }))
    }

    /// Returns the position of its next line, or the first possible one.
    fn next_position(&self) -> i64 {
        match (self.ready.front(), self.range.order) {
            (Some(line), _) => line.position,
            (None, LogsDirection::NewestFirst) => self.range.before - 1,
            (None, LogsDirection::OldestFirst) => self.range.from,
        }
    }

    /// Reads the next chunks and returns their number. In a search of one log, it fetches the chunks after
    /// them meanwhile.
    async fn read(&mut self, cx: &LogsContext, filter: &LineFilter) -> Result<u64> {
        let chunks = match self.prefetched.take() {
            Some(chunks) => chunks,
            None => self.fetch_chunks(cx).await?,
        };
        let count = u64::try_from(chunks.len()).unwrap_or(u64::MAX);
        self.is_exhausted = count < self.chunks_per_read;
        if let Some(last) = chunks.last() {
            match self.range.order {
                LogsDirection::NewestFirst => {
                    (self.range.before, self.reached) = (last.first, Some(last.oldest))
                }
                LogsDirection::OldestFirst => {
                    (self.range.from, self.reached) = (last.first + 1, Some(last.newest))
                }
            }
        }
        let prefetch = async {
            let is_needed = !self.is_exhausted && self.is_only_reader && filter.pattern.is_some();
            if is_needed { self.fetch_chunks(cx).await.map(Some) } else { Ok(None) }
        };
        let unpack = unpack_chunks(cx, chunks, filter.pattern.as_ref());
        let (unpacked, prefetched) = try_join(unpack, prefetch).await?;
        self.prefetched = prefetched;
        for mut lines in unpacked {
            lines.retain(|line| self.accepts_line(filter, line));
            if filter.order == LogsDirection::NewestFirst {
                lines.reverse();
            }
            self.ready.extend(lines);
        }
        Ok(count)
    }

    async fn fetch_chunks(&self, cx: &LogsContext) -> Result<Vec<StoredChunk>> {
        cx.store.list_chunks(self.log.id, &self.range, self.chunks_per_read).await
    }

    fn accepts_line(&self, filter: &LineFilter, line: &StoredLine) -> bool {
        filter.after.is_none_or(|after| line.position > after)
            && filter.before.is_none_or(|before| line.position < before)
            && filter.since.is_none_or(|since| line.time >= since)
            && filter.until.is_none_or(|until| line.time <= until)
            && filter.stream.is_none_or(|stream| line.stream == stream)
            && self.run.as_ref().is_none_or(|numbers| numbers.contains(&line.instance))
    }
}

/// Unpacks the lines of each chunk, in the order of the chunks. A search for a pattern uses all processors.
async fn unpack_chunks(
    cx: &LogsContext,
    chunks: Vec<StoredChunk>,
    pattern: Option<&Pattern>,
) -> Result<Vec<Vec<StoredLine>>> {
    let Some(pattern) = pattern else {
        let mut reader = ChunkReader::default();
        return chunks.iter().map(|chunk| reader.read_lines(&chunk.content, None)).collect();
    };
    let share = chunks.len().div_ceil(count_processors()).max(1);
    let mut left = chunks.into_iter();
    let shares = std::iter::from_fn(|| {
        let share: Vec<StoredChunk> = left.by_ref().take(share).collect();
        (!share.is_empty()).then_some(share)
    });
    let searched = shares.map(async |share| {
        let permit = cx.search_permits.acquire().await?;
        let pattern = pattern.clone();
        let search = move || {
            let _permit = permit;
            let mut reader = ChunkReader::default();
            share
                .iter()
                .map(|chunk| reader.read_lines(&chunk.content, Some(&pattern)))
                .collect::<Result<Vec<_>>>()
        };
        spawn_blocking(search).await.map_err(Error::internal)?
    });
    Ok(try_join_all(searched).await?.into_iter().flatten().collect())
}
