//! The tool beside an attacker: its page, its API and its schedules go on.

use std::time::Duration;

use hearth_base::{Error, JobName, Result, ToolName};
use hearth_client::{Anonymous, Client, Transport};
use hearth_wire::{
    jobs::{DueOutcome, JobCreate, JobType, JobsQuery},
    tools::ToolCreate,
};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use jiff::Timestamp;

use crate::{Hearth, PAGE_COMMAND, Person, audit::list_all_due_records, list_all_runs, wait_until_within};

/// Settings of a Hearth under attack: the quotas are the usual ones, and stopping jobs takes one second.
pub const ATTACK_SETTINGS: &str = "[jobs]\ngrace = 1\n";
/// Schedule of the neighbor's jobs.
const EVERY_MINUTE: &str = "* * * * *";
/// Maximum time for the first page.
const PAGE_START_TIMEOUT: Duration = Duration::from_secs(100);
/// Time in which a schedule of every minute is due, and its run has started.
const DUE_TIMEOUT: Duration = Duration::from_secs(120);
/// Pause between two looks at the due times.
const DUE_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A tool that is not attacked.
pub struct NeighborTool {
    name: ToolName,
    client: Client,
    visitor: Client,
    jobs: Vec<JobName>,
}

impl NeighborTool {
    /// Name of the tool's owner, whose password an attacker guesses.
    pub const OWNER_NAME: &'static str = "neighbor-owner";

    /// Creates the tool `neighbor` of a new user, with a page and with `scheduled` jobs that are due every minute.
    pub async fn create(hearth: &Hearth, operator: &Person, scheduled: usize) -> Result<Self> {
        let owner = hearth.invite_person(operator, Self::OWNER_NAME).await?;
        let name: ToolName = "neighbor".parse()?;
        owner.client.tools().create(&ToolCreate { name: name.clone(), description: String::new() }).await?;
        let client = hearth.client_with_token(&owner.create_token(&[]).await?)?;
        let page = JobCreate {
            job_type: Some(JobType::Webservice),
            ..JobCreate::new("web".parse()?, "bookworm", PAGE_COMMAND)
        };
        client.jobs().create(&name, &page).await?;
        let mut jobs = Vec::new();
        for number in 0..scheduled {
            let schedule = Some(EVERY_MINUTE.to_owned());
            let job = JobCreate {
                schedule,
                ..JobCreate::new(format!("minute{number}").parse()?, "bookworm", "true")
            };
            client.jobs().create(&name, &job).await?;
            jobs.push(job.name);
        }
        wait_for_page(hearth, &name).await?;
        Ok(Self { name, client, visitor: build_visitor(hearth)?, jobs })
    }

    /// Visits the page. An answer other than the page is an error.
    pub async fn visit_page(&self) -> Result<()> {
        visit(&self.visitor, &self.name).await
    }

    /// Lists the jobs by the API.
    pub async fn list_jobs(&self) -> Result<usize> {
        Ok(self.client.jobs().list(&self.name, &JobsQuery::default()).await?.len())
    }

    /// Lists the delays of the scheduled runs that were due after `since`: from the due time to the start.
    pub async fn list_schedule_delays(&self, since: Timestamp) -> Result<Vec<Duration>> {
        let mut delays = Vec::new();
        for job in &self.jobs {
            for run in list_all_runs(&self.client, &self.name, job).await? {
                if let (Some(due), Some(started)) = (run.due.filter(|due| *due > since), run.started) {
                    delays.push(started.duration_since(due).try_into().unwrap_or_default());
                }
            }
        }
        Ok(delays)
    }

    /// Waits until a run was started at a further due time.
    pub async fn wait_for_due_run(&self) -> Result<()> {
        let before = self.count_runs_at_due_times().await?;
        wait_until_within(DUE_TIMEOUT, "a job runs when it is due", async || {
            // Slower than the rate limit of a caller.
            tokio::time::sleep(DUE_POLL_INTERVAL).await;
            Ok((self.count_runs_at_due_times().await? > before).then_some(()))
        })
        .await
    }

    /// Counts the scheduled due times at which a run was started.
    async fn count_runs_at_due_times(&self) -> Result<usize> {
        let mut count = 0;
        for job in &self.jobs {
            let records = list_all_due_records(&self.client, &self.name, job).await?;
            count += records.iter().filter(|record| record.outcome == DueOutcome::Ran).count();
        }
        Ok(count)
    }

    /// Deletes the jobs of the tool.
    pub async fn stop(&self) -> Result<()> {
        self.client.jobs().flush(&self.name).await.map(drop)
    }
}

/// Waits until the page of a tool answers.
pub async fn wait_for_page(hearth: &Hearth, tool: &ToolName) -> Result<()> {
    let visitor = build_visitor(hearth)?;
    let is_open = async || Ok(visit(&visitor, tool).await.is_ok().then_some(()));
    wait_until_within(PAGE_START_TIMEOUT, "the page answers", is_open).await
}

fn build_visitor(hearth: &Hearth) -> Result<Client> {
    Ok(Client::new(Transport::from_url(hearth.url())?, std::sync::Arc::new(Anonymous)))
}

/// Requests a tool's page. The host name is sent as a header, so this host need not resolve it.
async fn visit(visitor: &Client, tool: &ToolName) -> Result<()> {
    let call = visitor.build_call(Method::GET, "/").header(header::HOST, &format!("{tool}.localhost"));
    let answer = call.send_raw().await?;
    let status = answer.status();
    answer.into_body().collect().await.map_err(Error::internal)?;
    match status {
        StatusCode::OK => Ok(()),
        other => Err(Error::internal(format!("the page of {tool} answered {other}"))),
    }
}
