//! Restarts jobs: containers of a continuous job are replaced with the newest image, other jobs run now.

use hearth_base::{Error, ErrorKind, JobName, Result};
use hearth_kit::db::Tx;

use super::{
    create,
    pin::{pin_holder, pin_image},
};
use crate::{
    app::{
        definition::{ToolScope, job_not_found_error, plan},
        routing,
        workloads::launch::{self, RunStart},
    },
    context::JobsContext,
    store::{Job, JobKind, ResolvedImage, RunCause},
};

/// Restarts a continuous job, or runs a scheduled one now. `job-not-restartable` (invalid) for a one-off job,
/// `job-paused` (conflict) for a paused one.
pub async fn restart(cx: &JobsContext, scope: ToolScope<'_>, name: &JobName) -> Result<()> {
    let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    match job.kind {
        JobKind::OneOff => Err(Error::invalid(
            "job-not-restartable",
            format!("job {name} is a one-off job: it can be run again, not restarted"),
        )
        .help(format!("run it again: hearth jobs restart {name}, or create it again"))),
        JobKind::Scheduled(_) => run_now(cx, scope, name).await.map(drop),
        JobKind::Continuous(set) => {
            let (tx, mut job) = begin_image_update(cx, scope, &job).await?;
            if job.paused.is_some() {
                return Err(Error::conflict("job-paused", format!("job {name} is paused"))
                    .help(format!("hearth jobs resume {name}")));
            }
            job.asleep = None;
            (job.restart, job.generation) = (job.restart + 1, job.generation + 1);
            let plan = plan::build_plan(&job.spec, scope.name, &job.image, job.restart, &cx.settings)?;
            launch::launch_set(cx, &tx, &job, set, plan).await?;
            cx.store.update_job(&tx, &job).await?;
            routing::update_routes(cx, &tx, scope.tool, Some(scope.name)).await?;
            tx.commit().await
        }
    }
}

/// Runs a scheduled or one-off job now, and returns the id of the run. `job-continuous` (invalid) for a continuous
/// job,
/// `job-runs` (conflict) while a run is active.
pub async fn run_now(cx: &JobsContext, scope: ToolScope<'_>, name: &JobName) -> Result<String> {
    let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    if matches!(job.kind, JobKind::Continuous(_)) {
        return Err(Error::invalid(
            "job-continuous",
            format!("job {name} is continuous and runs all the time"),
        )
        .help(format!("hearth jobs restart {name}")));
    }
    let quota = cx.peers.fetch_quota(scope.tool).await?;
    let (tx, mut job) = begin_image_update(cx, scope, &job).await?;
    create::check_quota_and_page(cx, &tx, scope, &job.spec, &quota, Some(&job)).await?;
    if cx.store.has_active_run_in(&tx, job.id).await? {
        return Err(Error::conflict("job-runs", format!("job {name} is already running"))
            .help(format!("wait until it has ended, or stop it: hearth jobs stop {name}")));
    }
    let plan = plan::build_plan(&job.spec, scope.name, &job.image, job.restart, &cx.settings)?;
    let run =
        launch::launch_run(cx, &tx, &mut job, plan, RunStart::first_attempt(RunCause::Restart, cx.now()))
            .await?;
    cx.store.update_job(&tx, &job).await?;
    tx.commit().await?;
    Ok(run)
}

/// Makes later runs of a job use its newest image.
pub async fn update_image(cx: &JobsContext, scope: ToolScope<'_>, loaded: &Job) -> Result<()> {
    let (tx, job) = begin_image_update(cx, scope, loaded).await?;
    cx.store.update_job(&tx, &job).await?;
    tx.commit().await
}

/// Begins a transaction that changes a job, with its newest image pinned and set.
async fn begin_image_update(cx: &JobsContext, scope: ToolScope<'_>, loaded: &Job) -> Result<(Tx, Job)> {
    let image = resolve_newest_image(cx, loaded).await?;
    pin_image(cx, scope, loaded.id, &image).await?;
    let tx = cx.store.begin().await?;
    cx.store.lock_and_upsert_tool(&tx, scope.tool, scope.name, None).await?;
    let job = cx.store.find_job_for_update(&tx, scope.tool, &loaded.name).await?;
    let mut job = job.filter(|job| job.id == loaded.id).ok_or_else(|| job_not_found_error(&loaded.name))?;
    if pin_holder(job.id, &job.image) != pin_holder(job.id, &image) {
        cx.store.enqueue_unpin(&tx, &pin_holder(job.id, &job.image), cx.now()).await?;
    }
    // If the newest image could not be resolved, the job keeps its image and the mark of a newer one.
    job.newer_image = job.newer_image.filter(|_| job.image.digest == image.digest);
    job.image = image;
    Ok((tx, job))
}

/// Resolves the job's image again; returns the stored one while `images` does not answer.
async fn resolve_newest_image(cx: &JobsContext, job: &Job) -> Result<ResolvedImage> {
    match cx.peers.resolve_image(job.tool, &job.spec.imagename).await {
        Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
            Ok(job.image.clone())
        }
        found => found,
    }
}
