//! Deletion of old lines, logs and containers.

use hearth_base::Result;
use jiff::{SignedDuration, Timestamp};

use crate::context::LogsContext;

/// The number of logs that one query returns.
const LOGS_PER_PASS: u64 = 200;
/// The number of chunks that one transaction deletes.
const CHUNKS_PER_TRANSACTION: u64 = 500;
/// The age after which a container is deleted although its end was not reported.
const MAX_SILENCE: SignedDuration = SignedDuration::from_hours(24 * 400);

/// Deletes the lines that are older than `logs.days`, one log in each transaction.
pub async fn delete_old_lines(cx: &LogsContext, now: Timestamp) -> Result<()> {
    let days = SignedDuration::from_hours(24 * i64::from(cx.settings.days));
    let then = now.saturating_sub(days).unwrap_or(now);
    loop {
        let logs = cx.store.list_logs_with_old_lines(then, LOGS_PER_PASS).await?;
        for (tool, id) in &logs {
            let tx = cx.store.begin().await?;
            cx.store.lock_tool(&tx, *tool).await?;
            let Some(mut log) = cx.store.find_log_by_id(&tx, *id).await? else { continue };
            let freed =
                cx.store.delete_oldest_chunks(&tx, &mut log, Some(then), CHUNKS_PER_TRANSACTION).await?;
            cx.store.save_log(&tx, &log).await?;
            cx.store.add_tool_bytes(&tx, *tool, -freed).await?;
            tx.commit().await?;
        }
        if logs.is_empty() {
            break;
        }
    }
    while cx.store.delete_empty_logs(then).await? > 0 {}
    cx.store.delete_old_instances(then, now.saturating_sub(MAX_SILENCE).unwrap_or(now)).await
}
