//! `hearth status NAME`: the state of a tool: page, newest deployment, jobs.

use hearth_base::{Result, ToolName};
use hearth_wire::{
    components::{Deployment, DeploymentState, Environment},
    jobs::{Job, StatusShort},
};
use serde::{Deserialize, Serialize};

use super::{
    drift::{self, RevisionDrift},
    environments::list_environments,
    jobs, open,
};
use crate::{
    context::CommandContext,
    job_calls::list_jobs,
    printer::{Cell, Table},
    settings::{SettingSource, Sourced},
    usage_chart,
};

/// The state of a tool.
#[derive(Debug, Serialize, Deserialize)]
struct ToolOverview {
    tool: ToolName,
    url: Option<String>,
    deployment: Option<Deployment>,
    #[serde(default)]
    environments: Vec<Environment>,
    jobs: Vec<Job>,
    /// How the jobs differ from the newest revision; absent without a revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drift: Option<RevisionDrift>,
}

/// Shows the state of the tool.
pub async fn run(cx: &CommandContext, name: ToolName) -> Result<()> {
    let result = cx.printer.open_output::<ToolOverview>()?;
    let session = cx.open_session_for_tool(Sourced::new(name, SettingSource::Argument))?;
    let jobs = list_jobs(&session, false).await?;
    let deployments = open::list_deployments(&session).await?;
    let url = open::find_page_address(&deployments);
    let deployment = deployments.into_iter().next();
    // A deployment changes jobs before its revision exists.
    let is_settled = deployment.as_ref().is_none_or(|deployment| deployment.status.has_ended());
    let drift = if is_settled { drift::fetch_drift(&session).await? } else { None };
    let environments = list_environments(&session).await?;
    let tool = session.tool_name().clone();
    let overview = ToolOverview { tool, url, deployment, environments, jobs, drift };
    let used = session
        .client()
        .jobs()
        .show_tool_metrics(session.tool_name(), &usage_chart::RECENT_METRICS_QUERY)
        .await;
    let used = usage_chart::build_usage_rows(used, cx.printer.now())?;
    result.print_record(&overview, &build_table(&overview, used))?;
    cx.printer.print_next(&choose_next_command(&overview));
    Ok(())
}

fn build_table(overview: &ToolOverview, used: Vec<(&'static str, String)>) -> Table {
    let mut table = Table::new_uncut();
    let name = |what: &str| Cell::from(what);
    table.add_row([name("page"), Cell::from(overview.url.as_deref().unwrap_or("-")), Cell::from("")]);
    match &overview.deployment {
        None => table.add_row([name("deployment"), Cell::from("none yet"), Cell::from("")]),
        Some(deployment) => table.add_row([
            name("deployment"),
            Cell::from(deployment.long_status.as_str()),
            Cell::from(deployment.end_time.unwrap_or(deployment.creation_time)),
        ]),
    }
    let still_running = overview.deployment.as_ref().and_then(|deployment| deployment.still_running);
    if let Some(revision) = still_running {
        table.add_row([name("running"), Cell::from(format!("revision {revision}")), Cell::from("")]);
    }
    for environment in &overview.environments {
        table.add_row([
            Cell::from(format!("environment {}", environment.name)),
            Cell::from(environment.url.as_deref().unwrap_or("-")),
            Cell::from(environment.status.as_str()),
        ]);
    }
    for job in &overview.jobs {
        table.add_row([
            Cell::from(format!("job {}", job.name)),
            Cell::from(job.status_long.as_str()),
            Cell::from(jobs::list::describe_job_type(job)),
        ]);
    }
    if let Some(RevisionDrift { revision, jobs }) = &overview.drift {
        for drift in jobs {
            table.add_row([
                Cell::from(format!("changed {}", drift.job)),
                Cell::from(drift.describe_changes()),
                Cell::from(format!("since revision {revision}")),
            ]);
        }
    }
    for (name, chart) in used {
        table.add_row([Cell::from(name), Cell::from(chart), Cell::from("")]);
    }
    table
}

/// Chooses the next command: a failed job first.
fn choose_next_command(overview: &ToolOverview) -> String {
    if let Some(job) = overview.jobs.iter().find(|job| job.status.short == StatusShort::Failed) {
        return format!("hearth logs {} --tool {}", job.name, overview.tool);
    }
    if let Some(drift) = overview.drift.as_ref().filter(|drift| !drift.jobs.is_empty()) {
        return format!("hearth rollback {} --tool {}", drift.revision, overview.tool);
    }
    match &overview.deployment {
        Some(under_way) if !under_way.status.has_ended() => {
            format!("hearth deploy --follow --tool {}", overview.tool)
        }
        Some(over) if over.status == DeploymentState::Successful && overview.url.is_none() => {
            format!("hearth logs --all --tool {}", overview.tool)
        }
        Some(over) if over.status == DeploymentState::Successful => format!("hearth open {}", overview.tool),
        _ => format!("hearth deploy --tool {}", overview.tool),
    }
}
