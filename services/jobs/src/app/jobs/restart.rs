//! Restarting: a continuous job is replaced by its image's newest content, another one runs now.

use hearth_base::{Error, JobName, Kind as ErrorKind, Result};
use hearth_kit::db::Tx;

use super::{
    create,
    pin::{holder, pin},
};
use crate::{
    app::{
        definition::{Of, no_such_job, plan},
        workloads::launch::{self, Start},
    },
    cx::Cx,
    store::{Cause, Image, Job, Kind},
};

/// Restarts a job.
pub async fn restart(cx: &Cx, of: Of<'_>, name: &JobName) -> Result<()> {
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    match job.kind {
        Kind::OneOff => {
            Err(Error::invalid("job-not-restartable", format!("{name} is a one-off job and runs once"))
                .help(format!("run it again: hearth jobs restart {name}, or create it again")))
        }
        Kind::Scheduled(_) => again(cx, of, name).await.map(drop),
        Kind::Kept(set) => {
            let (tx, mut job) = renewed(cx, of, &job).await?;
            if job.paused.is_some() {
                return Err(Error::conflict(
                    "job-paused",
                    format!("{name} is paused and nothing of it runs"),
                )
                .help(format!("hearth jobs resume {name}")));
            }
            (job.restart, job.generation) = (job.restart + 1, job.generation + 1);
            let plan = plan::plan(&job.spec, of.name, &job.image, job.restart, &cx.settings)?;
            launch::keep(cx, &tx, &job, set, plan).await?;
            cx.store.job_save(&tx, &job).await?;
            tx.commit().await
        }
    }
}

/// Runs a scheduled or one-off job now, as it is defined. The id of the run.
pub async fn again(cx: &Cx, of: Of<'_>, name: &JobName) -> Result<String> {
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    if matches!(job.kind, Kind::Kept(_)) {
        return Err(Error::invalid("run-kept", format!("{name} is continuous and runs all the time"))
            .help(format!("hearth jobs restart {name}")));
    }
    let quota = cx.neighbours.quota(of.tool).await?;
    let (tx, mut job) = renewed(cx, of, &job).await?;
    create::admit(cx, &tx, of, &job.spec, &quota, Some(&job)).await?;
    if cx.store.job_runs_in(&tx, job.id).await? {
        return Err(Error::conflict("job-runs", format!("{name} runs already"))
            .help(format!("wait until it has ended, or end it: hearth jobs stop {name}")));
    }
    let plan = plan::plan(&job.spec, of.name, &job.image, job.restart, &cx.settings)?;
    let run = launch::run(cx, &tx, &mut job, plan, Start::now(Cause::Restart, cx.now())).await?;
    cx.store.job_save(&tx, &job).await?;
    tx.commit().await?;
    Ok(run)
}

/// Has later runs of a job begin with what its image is now.
pub async fn renew(cx: &Cx, of: Of<'_>, seen: &Job) -> Result<()> {
    let (tx, job) = renewed(cx, of, seen).await?;
    cx.store.job_save(&tx, &job).await?;
    tx.commit().await
}

/// Begins a change of a job, with what its image is now.
async fn renewed(cx: &Cx, of: Of<'_>, seen: &Job) -> Result<(Tx, Job)> {
    let image = newest(cx, seen).await?;
    pin(cx, of, seen.id, &image).await?;
    let tx = cx.store.begin().await?;
    cx.store.tool_enter(&tx, of.tool, of.name, None).await?;
    let job = cx.store.job_in(&tx, of.tool, &seen.name).await?;
    let mut job = job.filter(|job| job.id == seen.id).ok_or_else(|| no_such_job(&seen.name))?;
    if holder(job.id, &job.image) != holder(job.id, &image) {
        cx.store.ask_unpin(&tx, &holder(job.id, &job.image), cx.now()).await?;
    }
    // While nobody could say what it is, it is what it was.
    job.newer = job.newer.filter(|_| job.image.digest == image.digest);
    job.image = image;
    Ok((tx, job))
}

/// What the job's image is now; while that cannot be found out, what it was.
async fn newest(cx: &Cx, job: &Job) -> Result<Image> {
    match cx.neighbours.image(job.tool, &job.spec.imagename).await {
        Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
            Ok(job.image.clone())
        }
        found => found,
    }
}
