//! Erases a deleted tool: stops all of its workloads, then deletes its rows and its data in the runtime.

use hearth_base::{Error, Result, ToolId};
use hearth_kit::db::Tx;

use super::delete;
use crate::{
    app::{routing, workloads::launch},
    context::JobsContext,
    store::Workload,
};

/// Maximum seconds between the stop signal and the kill of a deleted tool's containers: nothing that they do
/// in a longer grace is kept.
const MAX_ERASURE_GRACE_SECONDS: u32 = 5;

/// Erases a deleted tool: its page and its jobs are gone with the first call. `tool-still-runs` (conflict)
/// until its workloads have ended: the cleanup is retried.
pub async fn erase_tool(cx: &JobsContext, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin_background().await?;
    let has_rows = cx.store.lock_deleted_tool(&tx, tool).await?;
    if !has_rows {
        // It never had a job. Its storage and its number are erased by the service `storage`.
        return tx.commit().await;
    }
    let jobs = cx.store.list_jobs_in(&tx, tool).await?;
    for job in cx.store.lock_jobs(&tx, jobs.iter().map(|job| job.id)).await?.values() {
        delete::remove_job(cx, &tx, job).await?;
    }
    let workloads = cx.store.lock_tool_workloads(&tx, tool, None).await?;
    let active = workloads.len();
    for workload in workloads {
        stop_within_erasure_grace(cx, &tx, workload).await?;
    }
    routing::update_routes(cx, &tx, tool, None).await?;
    tx.commit().await?;
    if active > 0 {
        return Err(Error::conflict(
            "tool-still-runs",
            format!("{tool} has {active} workloads that have not ended"),
        ));
    }
    cx.runtime.erase_tool(tool).await?;
    let tx = cx.store.begin_background().await?;
    cx.store.delete_tool_rows(&tx, tool).await?;
    tx.commit().await
}

/// Stops a workload, or shortens the grace of a stop that is under way.
async fn stop_within_erasure_grace(cx: &JobsContext, tx: &Tx, mut workload: Workload) -> Result<()> {
    if workload.plan.grace > MAX_ERASURE_GRACE_SECONDS && !workload.done {
        workload.plan.grace = MAX_ERASURE_GRACE_SECONDS;
        // The runtime accepts the new grace with a higher generation only.
        if !workload.wanted {
            workload.generation += 1;
            cx.store.update_workload(tx, &workload).await?;
        }
    }
    launch::stop_workload(cx, tx, workload).await
}
