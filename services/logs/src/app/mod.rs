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
use hearth_kit::wake::Topic;
use hearth_wire::logs::internal::LogsOf;

use crate::{
    cx::Cx,
    store::{Log, Source, log_topic, tool_topic},
};

/// Erases what was kept of a deleted tool, a log at a time. What still arrives of it is dropped.
pub async fn erase(cx: &Cx, tool: ToolId) -> Result<()> {
    while cx.store.tool_erase_one(tool).await? {}
    Ok(())
}

/// Whose lines are wanted.
#[derive(Debug, Clone)]
pub enum Whose {
    /// One job's.
    Job(JobName),
    /// Those of all jobs of the tool.
    Tool,
}

impl Whose {
    /// The logs that hold them.
    async fn logs(&self, cx: &Cx, tool: ToolId) -> Result<Vec<Log>> {
        match self {
            Self::Job(job) => Ok(cx.store.log(&source(tool, job)).await?.into_iter().collect()),
            Self::Tool => cx.store.logs_of_jobs(tool).await,
        }
    }

    /// The same for somebody who asks for them: a job that has written nothing is told of, for its name may be wrong.
    async fn logs_asked_for(&self, cx: &Cx, tool: ToolId) -> Result<Vec<Log>> {
        match self {
            Self::Job(job) => Ok(vec![log_of_job(cx, tool, job).await?]),
            Self::Tool => self.logs(cx, tool).await,
        }
    }

    /// The topic of more lines.
    fn topic(&self, tool: ToolId) -> Topic {
        match self {
            Self::Job(job) => log_topic(&source(tool, job)),
            Self::Tool => tool_topic(tool),
        }
    }
}

fn source(tool: ToolId, job: &JobName) -> Source {
    Source::new(tool, &LogsOf::Job(job.clone()))
}

/// A job's log. That there is none is said with the two reasons that it can have.
async fn log_of_job(cx: &Cx, tool: ToolId, job: &JobName) -> Result<Log> {
    let log = cx.store.log(&source(tool, job)).await?;
    log.filter(|log| log.next > 0).ok_or_else(|| {
        let public = format!(
            "nothing is kept of what the job {job} has written: it has written nothing yet, or it was started with \
             file logs, and then its lines are in {job}.out and {job}.err in the tool's home"
        );
        Error::new(hearth_base::Kind::NotFound, "no-such-log", public)
            .help(format!("hearth jobs show {job}"))
    })
}
