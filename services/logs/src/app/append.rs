//! Taking lines over: durable when this is done, and bounded.

use hearth_base::{Error, Kind, Result, ToolId, plain_text};
use hearth_kit::db::Tx;
use hearth_kit::tool_state::{ToolState, read_tool};
use hearth_wire::logs::internal::{LogsBatch, LogsLine, LogsOf, LogsSource, LogsTaken};

use super::intake::{self, Taken};
use crate::{
    cx::Cx,
    store::{Instance, Line, Source, Tool, log_topic, tool_topic},
};

/// The most lines of one batch,
const LINES: usize = 10_000;
/// and the most bytes of their text.
const TEXT: usize = 4 << 20;
/// The most chunks that one batch drops to make room.
const ROOM: u64 = 1000;

/// Takes a batch over.
pub async fn append(cx: &Cx, batch: LogsBatch) -> Result<LogsTaken> {
    let LogsBatch { source: LogsSource { tool, of, run, instance }, lines, complete } = batch;
    check(&of, &run, &instance, &lines)?;
    let source = Source::new(tool, &of);
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let mut known = cx.store.tool_locked(&tx, tool).await?;
    // The tool's own row is locked, and erasing locks it too.
    if read_tool(&tx, tool).await? == ToolState::Deleted {
        // Whoever hands them over has nothing to do about it: they are nobody's lines any more.
        return Ok(LogsTaken { next: lines.last().map_or(1, |line| line.sequence.saturating_add(1)) });
    }
    let mut log = cx.store.log_in(&tx, &source, now, &cx.entropy).await?;
    let before = log.bytes;
    let mut instance = cx.store.instance_in(&tx, &mut log, known.next, &run, &instance).await?;
    let Taken { lines, lost, dropped } =
        intake::take(&mut instance, lines, complete, cx.settings.hour_size, now);
    let lines = placed(known.next, &instance, lines);
    if let Some(last) = lines.last() {
        instance.last = last.position;
        log.next = last.position + 1;
        known.next = log.next;
    }
    log.changed = now;
    cx.store.chunk_append(&tx, &mut log, &lines, complete).await?;
    cx.store.instance_save(&tx, log.id, &instance, now).await?;
    cx.store.log_save(&tx, &log).await?;
    known.bytes += log.bytes - before;
    make_room(cx, &tx, tool, &mut known).await?;
    cx.store.tool_save(&tx, tool, &known).await?;
    tx.wake(tool_topic(tool));
    tx.wake(log_topic(&source));
    tx.commit().await?;
    cx.counts.taken.inc_by(u64::try_from(lines.len()).unwrap_or(0));
    cx.counts.lost.inc_by(lost);
    cx.counts.dropped.inc_by(dropped);
    Ok(LogsTaken { next: u64::try_from(instance.expected).unwrap_or(1) })
}

/// Refuses what no runtime writes.
fn check(of: &LogsOf, run: &str, instance: &str, lines: &[LogsLine]) -> Result<()> {
    if let LogsOf::Build(build) = of {
        plain_text("build", build, 1..=100)?;
    }
    plain_text("run", run, 1..=200)?;
    plain_text("instance", instance, 1..=200)?;
    let text: usize = lines.iter().map(|line| line.text.len()).sum();
    if lines.len() > LINES || text > TEXT {
        let public = format!("a batch has at most {LINES} lines of {TEXT} bytes together");
        return Err(Error::new(Kind::TooLarge, "logs-batch", public).help("send it in parts"));
    }
    Ok(())
}

/// Gives lines their places among those of the tool.
fn placed(next: i64, instance: &Instance, lines: Vec<LogsLine>) -> Vec<Line> {
    let place = |(position, line)| {
        let LogsLine { sequence, time, stream, partial, text } = line;
        Line { position, instance: instance.number, sequence, time, stream, partial, text }
    };
    (next..).zip(lines).map(place).collect()
}

/// Drops the oldest lines of a tool's largest log while the tool has more than it may, so that a job that writes
/// much never costs the others theirs. `known` is brought up to date, and is written by the caller.
async fn make_room(cx: &Cx, tx: &Tx, tool: ToolId, known: &mut Tool) -> Result<()> {
    let most = i64::try_from(cx.settings.tool_size.get()).unwrap_or(i64::MAX);
    let mut chunks = ROOM;
    while known.bytes > most && chunks > 0 {
        let Some(mut largest) = cx.store.log_largest(tx, tool).await? else { break };
        let freed = cx.store.chunks_drop(tx, &mut largest, None, 1).await?;
        if freed == 0 {
            break;
        }
        cx.store.log_save(tx, &largest).await?;
        known.bytes -= freed;
        chunks -= 1;
    }
    Ok(())
}
