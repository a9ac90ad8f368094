//! Leaving a job alone for a while: nothing of a continuous one runs, due times of a scheduled one are left out.

use hearth_base::{Error, JobName, Result};
use hearth_kit::db::Tx;

use super::{create, restart};
use crate::{
    app::{
        definition::{Of, no_such_job, plan},
        routing,
        scheduling::due,
        workloads::launch,
    },
    cx::Cx,
    store::{Job, Kind},
};

/// Pauses a job. Whether that changed anything.
pub async fn pause(cx: &Cx, of: Of<'_>, name: &JobName) -> Result<bool> {
    let tx = cx.store.begin().await?;
    cx.store.tool_enter(&tx, of.tool, of.name, None).await?;
    let mut job = pausable(cx, &tx, of, name).await?;
    if job.paused.is_some() {
        return Ok(false);
    }
    let now = cx.now();
    // What was due until now is answered as it was until now.
    due::settle(cx, &tx, &mut job, now).await?;
    job.paused = Some(now);
    follow(cx, tx, of, job).await
}

/// Has a paused job go on. Whether that changed anything.
pub async fn resume(cx: &Cx, of: Of<'_>, name: &JobName) -> Result<bool> {
    let quota = cx.neighbours.quota(of.tool).await?;
    let tx = cx.store.begin().await?;
    cx.store.tool_enter(&tx, of.tool, of.name, Some(&quota)).await?;
    let mut job = pausable(cx, &tx, of, name).await?;
    if job.paused.is_none() {
        return Ok(false);
    }
    create::admit(cx, &tx, of, &job.spec, &quota, Some(&job)).await?;
    due::settle(cx, &tx, &mut job, cx.now()).await?;
    job.paused = None;
    let taken = job.spec.auto_update == Some(true) && job.newer.is_some();
    let resumed = follow(cx, tx, of, job).await?;
    if taken {
        restart::restart(cx, of, name).await?;
    }
    Ok(resumed)
}

async fn pausable(cx: &Cx, tx: &Tx, of: Of<'_>, name: &JobName) -> Result<Job> {
    let job = cx.store.job_in(tx, of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    match job.kind {
        Kind::Scheduled(_) | Kind::Kept(_) => Ok(job),
        Kind::OneOff => {
            Err(Error::invalid("job-not-pausable", format!("{name} is a one-off job and runs once"))
                .help(format!("end what runs of it: hearth jobs stop {name}")))
        }
    }
}

/// Brings what runs, what is due and where visitors are sent to where the job now is.
async fn follow(cx: &Cx, tx: Tx, of: Of<'_>, mut job: Job) -> Result<bool> {
    match job.kind.clone() {
        Kind::Kept(set) => {
            job.generation += 1;
            let plan = plan::plan(&job.spec, of.name, &job.image, job.restart, &cx.settings)?;
            launch::keep(cx, &tx, &job, set, plan).await?;
        }
        Kind::Scheduled(_) | Kind::OneOff => due::settle(cx, &tx, &mut job, cx.now()).await?,
    }
    cx.store.job_save(&tx, &job).await?;
    routing::refresh(cx, &tx, of.tool, Some(of.name)).await?;
    tx.commit().await?;
    cx.wake_scheduler();
    Ok(true)
}
