//! The end of previews: their jobs are deleted then, also if nobody else deletes them.

use hearth_base::Result;
use hearth_kit::log_error;
use jiff::Timestamp;

use super::delete;
use crate::{app::routing, context::JobsContext, store::Job};

/// Maximum number of jobs that one pass deletes.
const MAX_DELETIONS_PER_PASS: u64 = 500;

/// Deletes the jobs whose preview has ended. One that cannot be deleted now is tried again by the next pass.
pub async fn delete_ended_previews(cx: &JobsContext, now: Timestamp) -> Result<()> {
    for job in cx.store.list_ended_preview_jobs(now, MAX_DELETIONS_PER_PASS).await? {
        if let Err(error) = delete_if_ended(cx, &job, now).await {
            log_error!(&error, job = %job.name, "job of an ended preview not deleted; will retry");
        }
    }
    Ok(())
}

async fn delete_if_ended(cx: &JobsContext, listed: &Job, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin_background().await?;
    // The jobs of a deleted tool are erased with it.
    let Some(name) = cx.store.lock_tool_name(&tx, listed.tool).await? else { return Ok(()) };
    let Some(job) = cx.store.find_job_by_id_for_update(&tx, listed.id).await? else { return Ok(()) };
    // Checked again under the lock: another request may have prolonged the preview meanwhile.
    if job.spec.preview.is_none_or(|preview| preview.expires > now) {
        return Ok(());
    }
    delete::remove_job(cx, &tx, &job).await?;
    routing::update_routes(cx, &tx, job.tool, Some(&name)).await?;
    tx.commit().await
}
