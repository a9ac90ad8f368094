//! Finding lines: the chunks that may hold them are read one after the other, the end that is wanted first. What
//! several logs hold comes in the order in which it arrived.

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
    cx::Cx,
    pattern::Pattern,
    store::{Instance, Line, Log, Part, Piece, Unpacker},
    turns::processors,
};

/// How many chunks of a log are read at one time: of the only one, of one among several, in a search, where as many
/// again are on the way.
const AT_ONCE: u64 = 8;
const AT_ONCE_OF_SEVERAL: u64 = 1;
const AT_ONCE_SEARCHED: u64 = 32;
/// How many chunks one search looks at: two gigabytes of text.
const MOST: u64 = 8192;

/// Which lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only those behind this place.
    pub after: Option<i64>,
    /// Only those before this place.
    pub before: Option<i64>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only those of these jobs.
    pub jobs: Option<Arc<BTreeSet<String>>>,
    pub stream: Option<LogsStream>,
    pub run: Option<String>,
    /// What they hold.
    pub pattern: Option<Pattern>,
    pub order: LogsDirection,
    /// How many at most.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The logs that were looked at.
    pub logs: Vec<Log>,
    /// The lines, in the order asked for, each with the number of its log.
    pub lines: Vec<(usize, Line)>,
    /// Those who wrote them, by log and number.
    writers: BTreeMap<(usize, i32), Instance>,
    /// Whether there is more.
    pub more: bool,
    /// Behind everything that was looked at.
    pub head: i64,
    /// The search ended before everything was looked at, at lines from then.
    pub cut: Option<Timestamp>,
}

impl Found {
    /// The place of the last line that was found.
    pub fn last(&self) -> Option<i64> {
        self.lines.last().map(|(_, line)| line.position)
    }

    /// The run and the name of the container that wrote a line.
    pub fn writer(&self, log: usize, line: &Line) -> (String, String) {
        let writer = self.writers.get(&(log, line.instance));
        writer.map(|writer| (writer.run.clone(), writer.name.clone())).unwrap_or_default()
    }
}

/// Finds lines of logs of one tool.
pub async fn find(cx: &Cx, mut logs: Vec<Log>, wanted: &Wanted) -> Result<Found> {
    let behind = logs.iter().map(|log| log.next).max().unwrap_or(0);
    let head = (behind - 1).max(wanted.after.unwrap_or(-1));
    // What is written from now on is left for the next look, so that `head` is behind nothing that was not seen.
    let wanted =
        &Wanted { before: Some(wanted.before.map_or(behind, |before| before.min(behind))), ..wanted.clone() };
    if let Some(jobs) = &wanted.jobs {
        logs.retain(|log| jobs.contains(&log.name));
    }
    let mut found = Found { head, ..Found::default() };
    let mut readers = Vec::new();
    for (number, log) in logs.iter().enumerate() {
        readers.extend(Reader::of(cx, number, log, wanted, logs.len() > 1).await?);
    }
    let mut looked = 0;
    while let Some(reader) = first(&mut readers, wanted.order) {
        let Some(line) = reader.ready.pop_front() else {
            if looked > MOST {
                found.cut = reader.reached;
                break;
            }
            looked += reader.read(cx, wanted).await?;
            continue;
        };
        if found.lines.len() == wanted.limit {
            found.more = true;
            break;
        }
        found.lines.push((reader.log, line));
    }
    if let (LogsDirection::OldestFirst, true, Some(last)) = (wanted.order, found.more, found.last()) {
        // What was not looked at yet is still to come.
        found.head = last;
    }
    for (number, log) in logs.iter().enumerate() {
        let theirs = found.lines.iter().filter(|(of, _)| *of == number).map(|(_, line)| line.instance);
        let theirs: BTreeSet<i32> = theirs.collect();
        if !theirs.is_empty() {
            let writers = cx.store.instances(log.id, theirs).await?;
            found.writers.extend(writers.into_iter().map(|(writer, one)| ((number, writer), one)));
        }
    }
    found.logs = logs;
    Ok(found)
}

/// The reader whose next line comes first, as far as is known; none when all are at their end.
fn first<'a, 'b>(readers: &'a mut Vec<Reader<'b>>, order: LogsDirection) -> Option<&'a mut Reader<'b>> {
    readers.retain(|reader| !reader.over || !reader.ready.is_empty());
    readers.iter_mut().min_by_key(|reader| match order {
        LogsDirection::NewestFirst => -reader.next(),
        LogsDirection::OldestFirst => reader.next(),
    })
}

/// One log under way.
struct Reader<'a> {
    /// Its number among those that are looked at.
    log: usize,
    of: &'a Log,
    /// What was not read of it yet.
    part: Part,
    /// It is the only one that is read: others would have to keep what is fetched.
    alone: bool,
    /// The first chunks of that, where they have been fetched.
    ahead: Option<Vec<Piece>>,
    /// Its lines that were read and are wanted.
    ready: VecDeque<Line>,
    over: bool,
    at_once: u64,
    /// From when the lines are that were looked at last.
    reached: Option<Timestamp>,
    /// The numbers of a run's containers, when one was asked for.
    run: Option<Vec<i32>>,
}

impl<'a> Reader<'a> {
    /// Begins to read a log; none when it cannot hold any line that is wanted.
    async fn of(cx: &Cx, log: usize, of: &'a Log, wanted: &Wanted, several: bool) -> Result<Option<Self>> {
        let Wanted { since, until, order, .. } = *wanted;
        let mut from = wanted.after.map_or(0, |after| after.saturating_add(1));
        let mut before = wanted.before.unwrap_or(of.next).min(of.next);
        let mut run = None;
        if let Some(name) = &wanted.run {
            let theirs = cx.store.instances_of_run(of.id, name).await?;
            let (first, last) =
                (theirs.iter().map(|one| one.first).min(), theirs.iter().map(|one| one.last).max());
            let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
            (from, before) = (from.max(first), before.min(last.saturating_add(1)));
            run = Some(theirs.iter().map(|one| one.number).collect());
        }
        if from >= before {
            return Ok(None);
        }
        if from > 0 {
            from = cx.store.chunk_holding(of.id, from).await?;
        }
        let at_once = match (&wanted.pattern, several) {
            (Some(_), _) => AT_ONCE_SEARCHED,
            (None, true) => AT_ONCE_OF_SEVERAL,
            (None, false) => AT_ONCE,
        };
        let part = Part { from, before, since, until, order };
        Ok(Some(Self {
            log,
            of,
            part,
            alone: !several,
            ahead: None,
            ready: VecDeque::new(),
            over: false,
            at_once,
            reached: None,
            run,
        }))
    }

    /// The place of its next line, or the first that it can have.
    fn next(&self) -> i64 {
        match (self.ready.front(), self.part.order) {
            (Some(line), _) => line.position,
            (None, LogsDirection::NewestFirst) => self.part.before - 1,
            (None, LogsDirection::OldestFirst) => self.part.from,
        }
    }

    /// Reads its next chunks; how many. In a search of one log, those behind them are fetched meanwhile.
    async fn read(&mut self, cx: &Cx, wanted: &Wanted) -> Result<u64> {
        let pieces = match self.ahead.take() {
            Some(pieces) => pieces,
            None => self.fetch(cx).await?,
        };
        let count = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
        self.over = count < self.at_once;
        if let Some(last) = pieces.last() {
            match self.part.order {
                LogsDirection::NewestFirst => {
                    (self.part.before, self.reached) = (last.first, Some(last.oldest))
                }
                LogsDirection::OldestFirst => {
                    (self.part.from, self.reached) = (last.first + 1, Some(last.newest))
                }
            }
        }
        let ahead = async {
            let more = !self.over && self.alone && wanted.pattern.is_some();
            if more { self.fetch(cx).await.map(Some) } else { Ok(None) }
        };
        let (unpacked, ahead) = try_join(unpacked(cx, pieces, wanted.pattern.as_ref()), ahead).await?;
        self.ahead = ahead;
        for mut lines in unpacked {
            lines.retain(|line| self.takes(wanted, line));
            if wanted.order == LogsDirection::NewestFirst {
                lines.reverse();
            }
            self.ready.extend(lines);
        }
        Ok(count)
    }

    async fn fetch(&self, cx: &Cx) -> Result<Vec<Piece>> {
        cx.store.chunks(self.of.id, &self.part, self.at_once).await
    }

    fn takes(&self, wanted: &Wanted, line: &Line) -> bool {
        wanted.after.is_none_or(|after| line.position > after)
            && wanted.before.is_none_or(|before| line.position < before)
            && wanted.since.is_none_or(|since| line.time >= since)
            && wanted.until.is_none_or(|until| line.time <= until)
            && wanted.stream.is_none_or(|stream| line.stream == stream)
            && self.run.as_ref().is_none_or(|numbers| numbers.contains(&line.instance))
    }
}

/// The lines of each chunk, in the order of the chunks. A pattern is looked for on all processors.
async fn unpacked(cx: &Cx, pieces: Vec<Piece>, pattern: Option<&Pattern>) -> Result<Vec<Vec<Line>>> {
    let Some(pattern) = pattern else {
        let mut unpacker = Unpacker::default();
        return pieces.iter().map(|piece| unpacker.read(&piece.content, None)).collect();
    };
    let share = pieces.len().div_ceil(processors()).max(1);
    let mut left = pieces.into_iter();
    let shares = std::iter::from_fn(|| {
        let share: Vec<Piece> = left.by_ref().take(share).collect();
        (!share.is_empty()).then_some(share)
    });
    let searched = shares.map(async |share| {
        let turn = cx.turns.take().await?;
        let pattern = pattern.clone();
        let search = move || {
            let _turn = turn;
            let mut unpacker = Unpacker::default();
            share
                .iter()
                .map(|piece| unpacker.read(&piece.content, Some(&pattern)))
                .collect::<Result<Vec<_>>>()
        };
        spawn_blocking(search).await.map_err(Error::internal)?
    });
    Ok(try_join_all(searched).await?.into_iter().flatten().collect())
}
