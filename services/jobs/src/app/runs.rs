//! One run of a job: found, waited for, stopped.

use std::time::Duration;

use hearth_base::{Error, JobName, Result};
use hearth_runtime_api::WorkloadId;

use super::{create::Of, delete::no_such_job, launch};
use crate::{cx::Cx, store::Run};

/// A run of a job.
pub async fn find(cx: &Cx, of: Of<'_>, name: &JobName, id: &str) -> Result<Run> {
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    let run = cx.store.run(id).await?.filter(|run| run.job == job.id && run.tool == of.tool);
    run.ok_or_else(|| Error::not_found("run", format!("{id:.80?} of {name}")).help("hearth jobs runs"))
}

/// A run of a job as soon as it is over and its log is kept, or as it is after `patience`.
pub async fn wait(cx: &Cx, of: Of<'_>, name: &JobName, id: &str, patience: Duration) -> Result<Run> {
    let mut news = cx.news(patience);
    loop {
        let run = find(cx, of, name, id).await?;
        if (run.is_over() && run.log_done) || !news.come().await {
            return Ok(run);
        }
    }
}

/// Stops a run. One that is over stays as it is.
pub async fn stop(cx: &Cx, of: Of<'_>, name: &JobName, id: &str) -> Result<()> {
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
