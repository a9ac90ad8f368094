//! Requests about jobs that several commands send.

use hearth_base::{JobName, Result};
use hearth_wire::jobs::{Job, JobType, JobsQuery};

use crate::tool_session::ToolSession;

/// Lists the jobs of a tool. With `set_only`, fields that the maintainers did not set are absent.
pub async fn list_jobs(session: &ToolSession<'_>, set_only: bool) -> Result<Vec<Job>> {
    let query = JobsQuery { include_unset: set_only.then_some(false) };
    session.send(session.client().jobs().list(session.tool_name(), &query)).await
}

/// Finds the published job: that of the tool's page, otherwise that of an environment's page.
pub fn find_page_job(jobs: &[Job]) -> Option<&Job> {
    let is_page = |job: &&Job| job.publish == Some(true) || job.job_type == JobType::Webservice;
    let of_tool = jobs.iter().find(|job| is_page(job) && job.name.find_environment().is_none());
    of_tool.or_else(|| jobs.iter().find(is_page))
}

/// Sends a request about the job `name`. When it does not exist, the error proposes the nearest name.
pub async fn send_about_job<T>(
    session: &ToolSession<'_>,
    name: &JobName,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let names =
        async { Ok(list_jobs(session, false).await?.into_iter().map(|job| job.name.to_string()).collect()) };
    session.send_with_suggestion(name.as_str(), call, names).await
}

/// Fetches one job.
pub async fn fetch_job(session: &ToolSession<'_>, name: &JobName) -> Result<Job> {
    let query = JobsQuery::default();
    send_about_job(session, name, session.client().jobs().show(session.tool_name(), name, &query)).await
}
