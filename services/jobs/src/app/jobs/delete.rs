//! Deletes jobs: their names are free at once, and their workloads are stopped.

use hearth_base::{JobName, Result};
use hearth_kit::db::Tx;

use super::pin::pin_holder;
use crate::{
    app::{
        definition::{ToolScope, job_not_found_error},
        routing,
        workloads::launch,
    },
    context::JobsContext,
    store::Job,
};

/// Deletes one job.
pub async fn delete_job(cx: &JobsContext, scope: ToolScope<'_>, name: &JobName) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.lock_tool_name(&tx, scope.tool).await?;
    let job = cx.store.find_job_for_update(&tx, scope.tool, name).await?;
    let job = job.ok_or_else(|| job_not_found_error(name))?;
    remove_job(cx, &tx, &job).await?;
    routing::update_routes(cx, &tx, scope.tool, Some(scope.name)).await?;
    tx.commit().await
}

/// Deletes all jobs of a tool.
pub async fn delete_all_jobs(cx: &JobsContext, scope: ToolScope<'_>) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.lock_tool_name(&tx, scope.tool).await?;
    let jobs = cx.store.list_jobs_in(&tx, scope.tool).await?;
    for job in cx.store.lock_jobs(&tx, jobs.iter().map(|job| job.id)).await?.values() {
        remove_job(cx, &tx, job).await?;
    }
    routing::update_routes(cx, &tx, scope.tool, Some(scope.name)).await?;
    tx.commit().await
}

/// Deletes a job as part of a transaction, and stops its workloads.
pub async fn remove_job(cx: &JobsContext, tx: &Tx, job: &Job) -> Result<()> {
    for workload in cx.store.lock_tool_workloads(tx, job.tool, Some(job.id)).await? {
        launch::stop_workload(cx, tx, workload).await?;
    }
    cx.store.enqueue_unpin(tx, &pin_holder(job.id, &job.image), cx.now()).await?;
    cx.store.delete_job(tx, job.id).await
}
