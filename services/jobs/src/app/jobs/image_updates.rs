//! Images whose tag means something else by now: runs that are yet to begin take it; what is kept running says so, or
//! is restarted where its maintainers asked for that.

use std::collections::BTreeMap;

use hearth_base::{Digest, Error, Kind as ErrorKind, Result, ToolId};

use super::restart;
use crate::{
    app::definition::Of,
    cx::Cx,
    store::{Job, Kind},
};

/// The most jobs that are read at one time.
const PAGE: u64 = 500;

/// Which images may have moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moved {
    /// Any: nobody knows.
    Any,
    /// What Hearth provides.
    Provided,
    /// A tool's.
    Of(ToolId),
}

impl Moved {
    fn concerns(self, job: &Job) -> bool {
        // What is named by its digest never moves, and a one-off job is as it was until it is begun again.
        let fixed = job.spec.imagename.contains('@') || job.kind == Kind::OneOff;
        !fixed
            && match self {
                Self::Any => true,
                Self::Provided => job.image.provided,
                Self::Of(tool) => job.tool == tool && !job.image.provided,
            }
    }
}

/// Looks what the images of jobs mean now.
pub async fn look(cx: &Cx, moved: Moved) -> Result<()> {
    let mut known = BTreeMap::new();
    if let Moved::Of(tool) = moved {
        let jobs = cx.store.jobs(tool).await?;
        return look_at(cx, moved, &jobs, &mut known).await;
    }
    let mut after = None;
    loop {
        let jobs = cx.store.jobs_after(after, PAGE).await?;
        let Some(last) = jobs.last() else { return Ok(()) };
        after = Some(last.id);
        look_at(cx, moved, &jobs, &mut known).await?;
    }
}

/// What the images of a tool, or of nobody, mean by their names; nothing, when they are not there.
type Known = BTreeMap<(Option<ToolId>, String), Option<Digest>>;

async fn look_at(cx: &Cx, moved: Moved, jobs: &[Job], known: &mut Known) -> Result<()> {
    for job in jobs.iter().filter(|job| moved.concerns(job)) {
        let owner = (!job.image.provided).then_some(job.tool);
        let key = (owner, job.spec.imagename.clone());
        let now = match known.get(&key) {
            Some(now) => *now,
            None => {
                let now = match cx.neighbours.image(job.tool, &job.spec.imagename).await {
                    Ok(image) => Some(image.digest),
                    Err(error) if is_passing(&error) => return Err(error),
                    // It was deleted, or cannot be used: what was pinned goes on.
                    Err(_) => None,
                };
                known.insert(key, now);
                now
            }
        };
        if let Some(now) = now.filter(|now| *now != job.newer.unwrap_or(job.image.digest)) {
            take(cx, job, now).await?;
        }
    }
    Ok(())
}

async fn take(cx: &Cx, job: &Job, now: Digest) -> Result<()> {
    let Some(name) = cx.store.tool_name(job.tool).await? else { return Ok(()) };
    let of = Of { tool: job.tool, name: &name };
    let taken = match job.kind {
        _ if now == job.image.digest => return note(cx, job, now).await,
        Kind::Kept(_) if job.spec.auto_update != Some(true) || job.paused.is_some() => {
            return note(cx, job, now).await;
        }
        Kind::Kept(_) => restart::restart(cx, of, &job.name).await,
        Kind::Scheduled(_) | Kind::OneOff => restart::renew(cx, of, job).await,
    };
    match taken {
        Err(error) if is_passing(&error) => Err(error),
        // It is not there any more, or cannot be: that is seen, and no hindrance to others.
        Err(error) => {
            tracing::info!(job = %job.name, %error, "a newer image is not taken");
            note(cx, job, now).await
        }
        Ok(()) => Ok(()),
    }
}

/// Whether it may go well when it is tried again.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Internal)
}

/// Notes what the image of a job means by now.
async fn note(cx: &Cx, seen: &Job, now: Digest) -> Result<()> {
    let tx = cx.store.begin_behind().await?;
    cx.store.tool_locked(&tx, seen.tool).await?;
    let Some(mut job) = cx.store.job_by_id_in(&tx, seen.id).await? else { return Ok(()) };
    if job.spec.imagename == seen.spec.imagename {
        job.newer = Some(now).filter(|now| *now != job.image.digest);
        cx.store.job_save(&tx, &job).await?;
    }
    tx.commit().await
}
