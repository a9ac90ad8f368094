//! Forgetting what is too old.

use hearth_base::Result;
use jiff::{SignedDuration, Timestamp};

use crate::cx::Cx;

/// How many logs are looked at in one go, and how many chunks of each are dropped in one change.
const LOGS: u64 = 200;
const CHUNKS: u64 = 500;
/// A container of which nothing was heard for so long is forgotten, though nobody said that it has ended.
const SILENCE: SignedDuration = SignedDuration::from_hours(24 * 400);

/// Drops the lines that are older than the operator wants to keep, a log at a time.
pub async fn sweep(cx: &Cx, now: Timestamp) -> Result<()> {
    let days = SignedDuration::from_hours(24 * i64::from(cx.settings.days));
    let then = now.saturating_sub(days).unwrap_or(now);
    loop {
        let logs = cx.store.logs_older(then, LOGS).await?;
        for (tool, id) in &logs {
            let tx = cx.store.begin().await?;
            cx.store.tool_locked(&tx, *tool).await?;
            let Some(mut log) = cx.store.log_by_id(&tx, *id).await? else { continue };
            let freed = cx.store.chunks_drop(&tx, &mut log, Some(then), CHUNKS).await?;
            cx.store.log_save(&tx, &log).await?;
            cx.store.tool_bytes(&tx, *tool, -freed).await?;
            tx.commit().await?;
        }
        if logs.is_empty() {
            break;
        }
    }
    while cx.store.logs_forget(then).await? > 0 {}
    cx.store.instances_forget(then, now.saturating_sub(SILENCE).unwrap_or(now)).await
}
