//! Finding lines: the chunks that may hold them are read one after the other, the end that is wanted first.

use std::collections::{BTreeMap, VecDeque};

use hearth_base::Result;
use hearth_wire::logs::{LogsDirection, LogsStream};
use jiff::Timestamp;

use crate::{
    cx::Cx,
    store::{Instance, Line, Log, Part, Piece},
};

/// How many chunks are in memory at one time.
const AT_ONCE: u64 = 8;
/// How many chunks one search looks at: some hundred megabytes of text.
const MOST: usize = 2000;

/// Which lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only those behind this place.
    pub after: Option<i64>,
    /// Only those before this place.
    pub before: Option<i64>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub stream: Option<LogsStream>,
    pub run: Option<String>,
    /// A text that they hold, in lower case.
    pub text: Option<String>,
    pub order: LogsDirection,
    /// How many at most.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The lines, in the order asked for.
    pub lines: Vec<Line>,
    /// Those who wrote them, by number.
    pub writers: BTreeMap<i32, Instance>,
    /// Whether there is more.
    pub more: bool,
    /// Behind everything that was looked at.
    pub head: i64,
    /// The search ended before everything was looked at, at a line from then.
    pub cut: Option<Timestamp>,
}

/// Finds lines of a log.
pub async fn find(cx: &Cx, log: &Log, wanted: &Wanted) -> Result<Found> {
    let mut found = Found { head: log.next - 1, ..Found::default() };
    let Some(mut search) = Search::of(cx, log, wanted).await? else { return Ok(found) };
    'all: while let Some(piece) = search.next(cx).await? {
        let lines = piece.lines.into_iter();
        let lines: &mut (dyn Iterator<Item = Line> + Send) = match wanted.order {
            LogsDirection::NewestFirst => &mut lines.rev(),
            LogsDirection::OldestFirst => &mut { lines },
        };
        for line in lines {
            if search.looked > MOST {
                found.cut = Some(line.time);
                break 'all;
            }
            if search.takes(wanted, &line) {
                if found.lines.len() == wanted.limit {
                    found.more = true;
                    break 'all;
                }
                found.lines.push(line);
            }
        }
    }
    let newest = found.lines.iter().map(|line| line.position).max();
    found.head = match (wanted.order, newest) {
        // What was not looked at yet is still to come.
        (LogsDirection::OldestFirst, Some(newest)) if found.more => newest,
        (_, newest) => newest.unwrap_or(found.head).max(found.head),
    };
    found.writers = cx.store.instances(log.id, found.lines.iter().map(|line| line.instance)).await?;
    Ok(found)
}

/// A search under way.
struct Search<'a> {
    log: &'a Log,
    part: Part,
    pieces: VecDeque<Piece>,
    over: bool,
    looked: usize,
    /// The numbers of a run's containers, when one was asked for.
    run: Option<Vec<i32>>,
}

impl<'a> Search<'a> {
    /// A search for lines; none when there cannot be any.
    async fn of(cx: &Cx, log: &'a Log, wanted: &Wanted) -> Result<Option<Self>> {
        let (mut from, mut before) = (wanted.after.map_or(0, |after| after.saturating_add(1)), i64::MAX);
        before = wanted.before.unwrap_or(before);
        let mut numbers = None;
        if let Some(run) = &wanted.run {
            let theirs = cx.store.instances_of_run(log.id, run).await?;
            let (Some(first), Some(last)) =
                (theirs.iter().map(|one| one.first).min(), theirs.iter().map(|one| one.last).max())
            else {
                return Ok(None);
            };
            (from, before) = (from.max(first), before.min(last.saturating_add(1)));
            numbers = Some(theirs.iter().map(|one| one.number).collect());
        }
        if from > 0 {
            from = cx.store.chunk_holding(log.id, from).await?;
        }
        let Wanted { since, until, order, .. } = *wanted;
        let part = Part { from, before, since, until, order };
        Ok(Some(Self { log, part, pieces: VecDeque::new(), over: false, looked: 0, run: numbers }))
    }

    async fn next(&mut self, cx: &Cx) -> Result<Option<Piece>> {
        if self.pieces.is_empty() && !self.over {
            self.pieces = cx.store.chunks(self.log.id, &self.part, AT_ONCE).await?.into();
            self.over = self.pieces.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
            if let Some(last) = self.pieces.back() {
                match self.part.order {
                    LogsDirection::NewestFirst => self.part.before = last.first,
                    LogsDirection::OldestFirst => self.part.from = last.first + 1,
                }
            }
        }
        self.looked += 1;
        Ok(self.pieces.pop_front())
    }

    fn takes(&self, wanted: &Wanted, line: &Line) -> bool {
        wanted.after.is_none_or(|after| line.position > after)
            && wanted.before.is_none_or(|before| line.position < before)
            && wanted.since.is_none_or(|since| line.time >= since)
            && wanted.until.is_none_or(|until| line.time <= until)
            && wanted.stream.is_none_or(|stream| line.stream == stream)
            && self.run.as_ref().is_none_or(|numbers| numbers.contains(&line.instance))
            && wanted.text.as_ref().is_none_or(|text| line.text.to_lowercase().contains(text.as_str()))
    }
}
