//! A tool's end: everything of it is stopped, and then forgotten.

use hearth_base::{Error, Result, ToolId};

use super::delete;
use crate::{
    app::{routing, workloads::launch},
    cx::Cx,
};

/// Erases what there is of a tool. Refused while something of it still runs: it is asked for again.
pub async fn erase(cx: &Cx, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin_behind().await?;
    let seen = cx.store.lock_deleted_tool(&tx, tool).await?;
    if !seen {
        // It never had a job: the runtime was told nothing, and need not answer.
        return tx.commit().await;
    }
    let jobs = cx.store.jobs_in(&tx, tool).await?;
    for job in cx.store.jobs_locked(&tx, jobs.iter().map(|job| job.id)).await?.values() {
        delete::remove(cx, &tx, job).await?;
    }
    let workloads = cx.store.workloads_in(&tx, tool, None).await?;
    let left = workloads.len();
    for workload in workloads {
        launch::stop(cx, &tx, workload).await?;
    }
    routing::refresh(cx, &tx, tool, None).await?;
    tx.commit().await?;
    if left > 0 {
        return Err(Error::conflict(
            "tool-still-runs",
            format!("{left} workloads of {tool} have not ended yet"),
        ));
    }
    cx.runtime.erase(tool).await?;
    let tx = cx.store.begin_behind().await?;
    cx.store.erase(&tx, tool).await?;
    tx.commit().await
}
