//! Appending of lines: stores a batch durably and enforces the size limits.

use hearth_base::{Error, ErrorKind, Result, ToolId, check_plain_text};
use hearth_kit::db::Tx;
use hearth_kit::tool_state::{ToolState, read_tool_state};
use hearth_wire::logs::internal::{LogsBatch, LogsLine, LogsOwner, LogsSource, LogsTaken};

use super::intake::{self, AcceptedLines};
use crate::{
    context::LogsContext,
    store::{Instance, LogSource, StoredLine, ToolUsage, log_topic, tool_topic},
};

/// The maximum number of lines of one batch.
const MAX_BATCH_LINES: usize = 10_000;
/// The maximum number of text bytes of one batch.
const MAX_BATCH_TEXT_BYTES: usize = 4 << 20;
/// The maximum number of chunks that one batch deletes to enforce the size limit of its tool.
const MAX_CHUNKS_DROPPED_PER_BATCH: u64 = 1000;

/// Stores a batch of one container. A repeated batch changes nothing.
pub async fn append_lines(cx: &LogsContext, batch: LogsBatch) -> Result<LogsTaken> {
    let LogsBatch { source: LogsSource { tool, of, run, instance }, lines, complete } = batch;
    check_batch(&of, &run, &instance, &lines)?;
    let source = LogSource::new(tool, &of);
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let mut tool_usage = cx.store.lock_tool(&tx, tool).await?;
    // The tool's row is locked, and deletion locks it too: the tool cannot be deleted meanwhile.
    if read_tool_state(&tx, tool).await? == ToolState::Deleted {
        // Accept and discard lines of a deleted tool, so that the sender does not retry.
        return Ok(LogsTaken { next: lines.last().map_or(1, |line| line.sequence.saturating_add(1)) });
    }
    let mut log = cx.store.find_or_create_log(&tx, &source, now, &cx.entropy).await?;
    let before = log.bytes;
    let mut instance =
        cx.store.find_or_create_instance(&tx, &mut log, tool_usage.next, &run, &instance).await?;
    let AcceptedLines { lines, lost, dropped } =
        intake::accept_lines(&mut instance, lines, complete, cx.settings.hour_size, now);
    let lines = assign_positions(tool_usage.next, &instance, lines);
    if let Some(last) = lines.last() {
        instance.last = last.position;
        log.next = last.position + 1;
        tool_usage.next = log.next;
    }
    log.changed = now;
    cx.store.append_lines(&tx, &mut log, &lines, complete).await?;
    cx.store.save_instance(&tx, log.id, &instance, now).await?;
    cx.store.save_log(&tx, &log).await?;
    tool_usage.bytes += log.bytes - before;
    delete_oldest_chunks(cx, &tx, tool, &mut tool_usage).await?;
    cx.store.save_tool(&tx, tool, &tool_usage).await?;
    tx.wake(tool_topic(tool));
    tx.wake(log_topic(&source));
    tx.commit().await?;
    cx.metrics.accepted.inc_by(u64::try_from(lines.len()).unwrap_or(0));
    cx.metrics.lost.inc_by(lost);
    cx.metrics.dropped.inc_by(dropped);
    Ok(LogsTaken { next: u64::try_from(instance.next_sequence).unwrap_or(1) })
}

/// Checks the names and the size of a batch.
fn check_batch(of: &LogsOwner, run: &str, instance: &str, lines: &[LogsLine]) -> Result<()> {
    if let LogsOwner::Build(build) = of {
        check_plain_text("build", build, 1..=100)?;
    }
    check_plain_text("run", run, 1..=200)?;
    check_plain_text("instance", instance, 1..=200)?;
    let text: usize = lines.iter().map(|line| line.text.len()).sum();
    if lines.len() > MAX_BATCH_LINES || text > MAX_BATCH_TEXT_BYTES {
        let public = format!(
            "the batch is too large; at most {MAX_BATCH_LINES} lines and {MAX_BATCH_TEXT_BYTES} bytes of text"
        );
        return Err(Error::new(ErrorKind::TooLarge, "logs-batch", public).help("send it in parts"));
    }
    Ok(())
}

/// Assigns positions to lines, from `next` on.
fn assign_positions(next: i64, instance: &Instance, lines: Vec<LogsLine>) -> Vec<StoredLine> {
    let to_stored = |(position, line)| {
        let LogsLine { sequence, time, stream, partial, text } = line;
        StoredLine { position, instance: instance.number, sequence, time, stream, partial, text }
    };
    (next..).zip(lines).map(to_stored).collect()
}

/// Deletes the oldest lines of a tool's largest log while the tool exceeds its size limit, so that a job that
/// writes much does not cost other jobs their lines. Updates `tool_usage`; the caller saves it.
async fn delete_oldest_chunks(
    cx: &LogsContext,
    tx: &Tx,
    tool: ToolId,
    tool_usage: &mut ToolUsage,
) -> Result<()> {
    let limit = i64::try_from(cx.settings.tool_size.get()).unwrap_or(i64::MAX);
    let mut chunks = MAX_CHUNKS_DROPPED_PER_BATCH;
    while tool_usage.bytes > limit && chunks > 0 {
        let Some(mut largest) = cx.store.find_largest_log(tx, tool).await? else { break };
        let freed = cx.store.delete_oldest_chunks(tx, &mut largest, None, 1).await?;
        if freed == 0 {
            break;
        }
        cx.store.save_log(tx, &largest).await?;
        tool_usage.bytes -= freed;
        chunks -= 1;
    }
    Ok(())
}
