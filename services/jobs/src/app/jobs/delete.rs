//! Deleting jobs: the name is free at once, and what still runs is stopped.

use hearth_base::{JobName, Result};
use hearth_kit::db::Tx;

use super::pin::holder;
use crate::{
    app::{
        definition::{Of, no_such_job},
        routing,
        workloads::launch,
    },
    cx::Cx,
    store::Job,
};

/// Deletes one job.
pub async fn one(cx: &Cx, of: Of<'_>, name: &JobName) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, of.tool).await?;
    let job = cx.store.job_in(&tx, of.tool, name).await?;
    let job = job.ok_or_else(|| no_such_job(name))?;
    remove(cx, &tx, &job).await?;
    routing::refresh(cx, &tx, of.tool, Some(of.name)).await?;
    tx.commit().await
}

/// Deletes all jobs of a tool.
pub async fn all(cx: &Cx, of: Of<'_>) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, of.tool).await?;
    let jobs = cx.store.jobs_in(&tx, of.tool).await?;
    for job in cx.store.jobs_locked(&tx, jobs.iter().map(|job| job.id)).await?.values() {
        remove(cx, &tx, job).await?;
    }
    routing::refresh(cx, &tx, of.tool, Some(of.name)).await?;
    tx.commit().await
}

/// Removes a job as part of a change, and has its workloads stopped.
pub async fn remove(cx: &Cx, tx: &Tx, job: &Job) -> Result<()> {
    for workload in cx.store.workloads_in(tx, job.tool, Some(job.id)).await? {
        launch::stop(cx, tx, workload).await?;
    }
    cx.store.ask_unpin(tx, &holder(job.id, &job.image), cx.now()).await?;
    cx.store.job_remove(tx, job.id).await
}
