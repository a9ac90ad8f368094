//! Restarting: a continuous job is replaced by its image's newest content, a scheduled one runs now.

use hearth_base::{Error, JobName, Kind as ErrorKind, Result};

use super::{
    create::{self, Of, holder},
    delete::no_such_job,
    launch::{self, Start},
    plan,
};
use crate::{
    cx::Cx,
    store::{Cause, Image, Job, Kind},
};

/// Restarts a job.
pub async fn restart(cx: &Cx, of: Of<'_>, name: &JobName) -> Result<()> {
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    if job.kind == Kind::OneOff {
        return Err(Error::invalid("job-not-restartable", format!("{name} is a one-off job and runs once"))
            .help("create it again to run it again"));
    }
    let image = newest(cx, &job).await?;
    create::pin(cx, of, job.id, &image).await?;
    let tx = cx.store.begin().await?;
    cx.store.tool_enter(&tx, of.tool, of.name).await?;
    let mut job = cx.store.job_in(&tx, of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    if holder(job.id, &job.image) != holder(job.id, &image) {
        cx.store.ask_unpin(&tx, &holder(job.id, &job.image), cx.now()).await?;
    }
    job.image = image;
    match job.kind.clone() {
        Kind::Kept(set) => {
            (job.restart, job.generation) = (job.restart + 1, job.generation + 1);
            let plan = plan::plan(&job.spec, of.name, &job.image, job.restart, &cx.settings)?;
            launch::keep(cx, &tx, &job, set, plan).await?;
        }
        Kind::Scheduled(_) | Kind::OneOff => {
            if cx.store.job_runs_in(&tx, job.id).await? {
                return Err(Error::conflict("job-runs", format!("{name} runs already"))
                    .help("wait until it has ended, or stop that run"));
            }
            let plan = plan::plan(&job.spec, of.name, &job.image, job.restart, &cx.settings)?;
            launch::run(cx, &tx, &mut job, plan, Start::now(Cause::Restart, cx.now())).await?;
        }
    }
    cx.store.job_save(&tx, &job).await?;
    cx.store.commit(tx).await
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
