//! Pauses jobs: a continuous job has no containers, and due times of a scheduled job are skipped.

use hearth_base::{Error, JobName, Result};
use hearth_kit::db::Tx;

use super::{create, restart};
use crate::{
    app::{
        definition::{ToolScope, job_not_found_error, plan},
        routing,
        scheduling::due,
        workloads::launch,
    },
    context::JobsContext,
    store::{Job, JobKind},
};

/// Pauses a job. Returns whether it was running.
pub async fn pause_job(cx: &JobsContext, scope: ToolScope<'_>, name: &JobName) -> Result<bool> {
    let tx = cx.store.begin().await?;
    cx.store.lock_and_upsert_tool(&tx, scope.tool, scope.name, None).await?;
    let mut job = find_pausable_job(cx, &tx, scope, name).await?;
    if job.paused.is_some() {
        return Ok(false);
    }
    let now = cx.now();
    // Due times up to now are settled before the pause starts.
    due::settle_job(cx, &tx, &mut job, now).await?;
    (job.paused, job.asleep) = (Some(now), None);
    apply_pause_change(cx, tx, scope, job).await
}

/// Resumes a paused job. Returns whether it was paused.
pub async fn resume_job(cx: &JobsContext, scope: ToolScope<'_>, name: &JobName) -> Result<bool> {
    let quota = cx.peers.fetch_quota(scope.tool).await?;
    let tx = cx.store.begin().await?;
    cx.store.lock_and_upsert_tool(&tx, scope.tool, scope.name, Some(&quota)).await?;
    let mut job = find_pausable_job(cx, &tx, scope, name).await?;
    if job.paused.is_none() {
        return Ok(false);
    }
    create::check_quota_and_page(cx, &tx, scope, &job.spec, &quota, Some(&job)).await?;
    due::settle_job(cx, &tx, &mut job, cx.now()).await?;
    job.paused = None;
    let needs_restart = job.spec.auto_update == Some(true) && job.newer_image.is_some();
    let resumed = apply_pause_change(cx, tx, scope, job).await?;
    if needs_restart {
        restart::restart(cx, scope, name).await?;
    }
    Ok(resumed)
}

async fn find_pausable_job(cx: &JobsContext, tx: &Tx, scope: ToolScope<'_>, name: &JobName) -> Result<Job> {
    let job =
        cx.store.find_job_for_update(tx, scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    match job.kind {
        JobKind::Scheduled(_) | JobKind::Continuous(_) => Ok(job),
        JobKind::OneOff => Err(Error::invalid(
            "job-not-pausable",
            format!("job {name} is a one-off job and cannot be paused"),
        )
        .help(format!("stop its run: hearth jobs stop {name}"))),
    }
}

/// Stores a paused or resumed job, and updates its set or its next due time, and the route.
async fn apply_pause_change(cx: &JobsContext, tx: Tx, scope: ToolScope<'_>, mut job: Job) -> Result<bool> {
    match job.kind.clone() {
        JobKind::Continuous(set) => {
            job.generation += 1;
            let plan = plan::build_plan(&job.spec, scope.name, &job.image, job.restart, &cx.settings)?;
            launch::launch_set(cx, &tx, &job, set, plan).await?;
        }
        JobKind::Scheduled(_) | JobKind::OneOff => due::settle_job(cx, &tx, &mut job, cx.now()).await?,
    }
    cx.store.update_job(&tx, &job).await?;
    routing::update_routes(cx, &tx, scope.tool, Some(scope.name)).await?;
    tx.commit().await?;
    cx.wake_scheduler();
    Ok(true)
}
