//! One run of a job: found, waited for.

use std::time::Duration;

use hearth_base::{Error, JobName, Result};

use crate::{
    app::definition::{Of, no_such_job},
    cx::Cx,
    store::Run,
};

/// A run of a job.
pub async fn find(cx: &Cx, of: Of<'_>, name: &JobName, id: &str) -> Result<Run> {
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    let run = cx.store.run(id).await?.filter(|run| run.job == job.id && run.tool == of.tool);
    run.ok_or_else(|| Error::not_found("run", format!("{id:.80?} of {name}")).help("hearth jobs runs"))
}

/// A run of a job as soon as it is over and its log is kept, or as it is after `patience`.
pub async fn wait(cx: &Cx, of: Of<'_>, name: &JobName, id: &str, patience: Duration) -> Result<Run> {
    let mut news = cx.news(of.tool, patience);
    loop {
        let run = find(cx, of, name, id).await?;
        if (run.is_over() && run.log_done) || !news.come().await {
            return Ok(run);
        }
    }
}
