//! Calls about the jobs of a tool that several commands make.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{Job, JobsQuery};

use crate::at_tool::AtTool;

/// Lists the jobs of a tool: with what their maintainers set alone, or with defaults too.
pub async fn list_jobs(at: &AtTool<'_>, set_only: bool) -> Result<Vec<Job>> {
    let query = JobsQuery { include_unset: set_only.then_some(false) };
    at.ask(at.client().jobs().list(at.name(), &query)).await
}

/// Waits for the answer to a call about the job `name`; when there is no such job, proposes the nearest name.
pub async fn ask_about_job<T>(
    at: &AtTool<'_>,
    name: &JobName,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let names =
        async { Ok(list_jobs(at, false).await?.into_iter().map(|job| job.name.to_string()).collect()) };
    at.ask_for(name.as_str(), call, names).await
}

/// Shows one job.
pub async fn show_job(at: &AtTool<'_>, name: &JobName) -> Result<Job> {
    let query = JobsQuery::default();
    ask_about_job(at, name, at.client().jobs().show(at.name(), name, &query)).await
}
