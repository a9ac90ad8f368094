//! Stopping the runs of a job, which stays.

use hearth_base::{Error, JobName, Result};
use hearth_runtime_api::WorkloadId;

use super::pause;
use crate::{
    app::{
        definition::{Of, no_such_job},
        runs::find::find,
        workloads::launch,
    },
    cx::Cx,
    store::Kind,
};

/// Stops the runs of a job: a continuous one is paused, of others the present runs end and are not tried again.
/// Returns whether anything ran.
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

/// Stops a run. One that is over stays as it is.
pub async fn stop_run(cx: &Cx, of: Of<'_>, name: &JobName, id: &str) -> Result<()> {
    let run = find(cx, of, name, id).await?;
    let WorkloadId::Run(_) = run.instance.workload else {
        return Err(Error::invalid(
            "run-kept",
            format!("{id} belongs to a continuous job and would be started again"),
        )
        .help(format!("stop the job: hearth jobs stop {name}; or replace it: hearth jobs restart {name}")));
    };
    let tx = cx.store.begin().await?;
    cx.store.tool_locked(&tx, of.tool).await?;
    let workload = cx.store.workload_in(&tx, run.instance.workload).await?;
    if let Some(workload) = workload.filter(|workload| !workload.done) {
        launch::stop(cx, &tx, workload).await?;
    }
    tx.commit().await
}
