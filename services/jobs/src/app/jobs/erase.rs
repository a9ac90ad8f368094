//! Erases a deleted tool: stops all of its workloads, then deletes its rows and its data in the runtime.

use hearth_base::{Error, Result, ToolId};

use super::delete;
use crate::{
    app::{routing, workloads::launch},
    context::JobsContext,
};

/// Erases a deleted tool. `tool-still-runs` (conflict) until its workloads have ended: the cleanup is
/// retried.
pub async fn erase_tool(cx: &JobsContext, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin_background().await?;
    let has_rows = cx.store.lock_deleted_tool(&tx, tool).await?;
    if !has_rows {
        // It never had a job, so the runtime has no data of it and need not be reachable.
        return tx.commit().await;
    }
    let jobs = cx.store.list_jobs_in(&tx, tool).await?;
    for job in cx.store.lock_jobs(&tx, jobs.iter().map(|job| job.id)).await?.values() {
        delete::remove_job(cx, &tx, job).await?;
    }
    let workloads = cx.store.lock_tool_workloads(&tx, tool, None).await?;
    let active = workloads.len();
    for workload in workloads {
        launch::stop_workload(cx, &tx, workload).await?;
    }
    routing::update_route(cx, &tx, tool, None).await?;
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
