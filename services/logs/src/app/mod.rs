//! The rules. No HTTP, no SQL.

mod append;
mod intake;
mod list;
mod read;
mod when;

pub mod follow;
pub mod show;
pub mod sweep;

pub use append::append;
pub use list::list;

use hearth_base::{Error, JobName, Result, ToolId};
use hearth_wire::logs::internal::LogsOf;

use crate::{
    cx::Cx,
    store::{Log, Source},
};

/// Erases what was kept of an ended tool, a log at a time. What still arrives of it is dropped.
pub async fn erase(cx: &Cx, tool: ToolId) -> Result<()> {
    cx.store.tool_over(tool).await?;
    while cx.store.tool_erase_one(tool).await? {}
    Ok(())
}

/// A job's log. That there is none is said with the two reasons that it can have.
async fn log_of_job(cx: &Cx, tool: ToolId, job: &JobName) -> Result<Log> {
    let log = cx.store.log(&Source::new(tool, &LogsOf::Job(job.clone()))).await?;
    log.filter(|log| log.next > 0).ok_or_else(|| {
        let public = format!(
            "nothing is kept of what the job {job} has written: it has written nothing yet, or it was started with \
             file logs, and then its lines are in {job}.out and {job}.err in the tool's home"
        );
        Error::new(hearth_base::Kind::NotFound, "no-such-log", public)
            .help(format!("hearth jobs show {job}"))
    })
}
