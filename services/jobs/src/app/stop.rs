//! Stopping what runs of a job, which stays.

use hearth_base::{JobName, Result};

use super::{create::Of, delete::no_such_job, launch, pause};
use crate::{cx::Cx, store::Kind};

/// Stops what runs of a job: a continuous one is paused, of others the present runs end and are not tried again.
/// Whether anything ran.
pub async fn stop(cx: &Cx, of: Of<'_>, name: &JobName) -> Result<bool> {
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    if let Kind::Kept(_) = job.kind {
        return pause::pause(cx, of, name).await;
    }
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, of.tool).await?;
    let mut ran = false;
    for workload in cx.store.workloads_in(&tx, of.tool, Some(job.id)).await? {
        if workload.wanted && !workload.done {
            ran = true;
            launch::stop(cx, &tx, workload).await?;
        }
    }
    tx.commit().await?;
    Ok(ran)
}
