//! Applies images whose tags moved: later runs of schedules use the new image; continuous jobs are marked, or
//! restarted with `auto_update`.

use std::collections::BTreeMap;

use hearth_base::{Digest, Result, ToolId};

use super::restart;
use crate::{
    app::definition::ToolScope,
    context::JobsContext,
    store::{Job, JobKind},
};

/// Number of jobs per page of a query.
const JOBS_PAGE_SIZE: u64 = 500;

/// The images whose tags may have moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MovedImages {
    /// Any image.
    Any,
    /// Images that the operator provides.
    Provided,
    /// Images of a tool.
    Tool(ToolId),
}

impl MovedImages {
    /// Returns whether the image of `job` may have moved.
    fn affects_job(self, job: &Job) -> bool {
        // A name with a digest never moves. A one-off job resolves its image again when it is run again.
        let is_fixed = job.spec.imagename.contains('@') || job.kind == JobKind::OneOff;
        !is_fixed
            && match self {
                Self::Any => true,
                Self::Provided => job.image.provided,
                Self::Tool(tool) => job.tool == tool && !job.image.provided,
            }
    }
}

/// Resolves the images of affected jobs again, and applies new digests to the jobs.
pub async fn apply_moved_images(cx: &JobsContext, moved: MovedImages) -> Result<()> {
    let mut cache = BTreeMap::new();
    if let MovedImages::Tool(tool) = moved {
        let jobs = cx.store.list_jobs(tool).await?;
        return apply_moved_images_to_jobs(cx, moved, &jobs, &mut cache).await;
    }
    let mut after = None;
    loop {
        let jobs = cx.store.list_jobs_after(after, JOBS_PAGE_SIZE).await?;
        let Some(last) = jobs.last() else { return Ok(()) };
        after = Some(last.id);
        apply_moved_images_to_jobs(cx, moved, &jobs, &mut cache).await?;
    }
}

/// Digests of image names, by owning tool; `None` for an image that cannot be resolved.
type DigestCache = BTreeMap<(Option<ToolId>, String), Option<Digest>>;

async fn apply_moved_images_to_jobs(
    cx: &JobsContext,
    moved: MovedImages,
    jobs: &[Job],
    cache: &mut DigestCache,
) -> Result<()> {
    for job in jobs.iter().filter(|job| moved.affects_job(job)) {
        let owner = (!job.image.provided).then_some(job.tool);
        let key = (owner, job.spec.imagename.clone());
        let current = match cache.get(&key) {
            Some(current) => *current,
            None => {
                let current = match cx.peers.resolve_image(job.tool, &job.spec.imagename).await {
                    Ok(image) => Some(image.digest),
                    Err(error) if error.kind().is_transient() => return Err(error),
                    // The image was deleted or may not be used: the job keeps its pinned one.
                    Err(_) => None,
                };
                cache.insert(key, current);
                current
            }
        };
        if let Some(current) =
            current.filter(|current| *current != job.newer_image.unwrap_or(job.image.digest))
        {
            apply_newer_image(cx, job, current).await?;
        }
    }
    Ok(())
}

/// Restarts or updates the job, or only records the newer image, depending on its kind and `auto_update`.
async fn apply_newer_image(cx: &JobsContext, job: &Job, current: Digest) -> Result<()> {
    let Some(name) = cx.store.find_tool_name(job.tool).await? else { return Ok(()) };
    let scope = ToolScope { tool: job.tool, name: &name };
    let applied = match job.kind {
        _ if current == job.image.digest => return record_newer_image(cx, job, current).await,
        JobKind::Continuous(_) if job.spec.auto_update != Some(true) || !job.is_awake() => {
            return record_newer_image(cx, job, current).await;
        }
        JobKind::Continuous(_) => restart::restart(cx, scope, &job.name).await,
        JobKind::Scheduled(_) | JobKind::OneOff => restart::update_image(cx, scope, job).await,
    };
    match applied {
        Err(error) if error.kind().is_transient() => Err(error),
        // The image or job does not exist any more, or is invalid: other jobs must not wait for it.
        Err(error) => {
            tracing::info!(job = %job.name, %error, "newer image not applied");
            record_newer_image(cx, job, current).await
        }
        Ok(()) => Ok(()),
    }
}

/// Stores the digest to which a job's image tag refers now; none if the job already uses it.
async fn record_newer_image(cx: &JobsContext, loaded: &Job, current: Digest) -> Result<()> {
    let tx = cx.store.begin_background().await?;
    cx.store.lock_tool_name(&tx, loaded.tool).await?;
    let Some(mut job) = cx.store.find_job_by_id_for_update(&tx, loaded.id).await? else { return Ok(()) };
    if job.spec.imagename == loaded.spec.imagename {
        job.newer_image = Some(current).filter(|current| *current != job.image.digest);
        cx.store.update_job(&tx, &job).await?;
    }
    tx.commit().await
}
