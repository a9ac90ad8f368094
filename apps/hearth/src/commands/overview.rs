//! `hearth status NAME`: how a tool is: its page, its newest deployment, its jobs.

use hearth_base::{Result, ToolName};
use hearth_wire::{
    components::{Deployment, DeploymentState},
    jobs::{Job, StatusShort},
};
use serde::{Deserialize, Serialize};

use super::{jobs, open};
use crate::{
    chart,
    context::Context,
    job_calls::list_jobs,
    printer::{Cell, Table},
    settings::{Source, Sourced},
};

/// How a tool is.
#[derive(Debug, Serialize, Deserialize)]
struct Overview {
    tool: ToolName,
    url: Option<String>,
    deployment: Option<Deployment>,
    jobs: Vec<Job>,
}

/// Says it.
pub async fn run(cx: &Context, name: ToolName) -> Result<()> {
    let answer = cx.printer.answer::<Overview>()?;
    let at = cx.at(Sourced::new(name, Source::Argument))?;
    let jobs = list_jobs(&at, false).await?;
    let deployments = open::deployments(&at).await?;
    let url = open::address(&deployments);
    let deployment = deployments.into_iter().next();
    let overview = Overview { tool: at.name().clone(), url, deployment, jobs };
    let used = at.client().jobs().tool_metrics(at.name(), &chart::LATELY).await;
    let used = chart::rows(used, cx.printer.now())?;
    answer.shown(&overview, &table(&overview, used))?;
    cx.printer.next(&next(&overview));
    Ok(())
}

fn table(overview: &Overview, used: Vec<(&'static str, String)>) -> Table {
    let mut table = Table::whole();
    let name = |what: &str| Cell::from(what);
    table.row([name("page"), Cell::from(overview.url.as_deref().unwrap_or("-")), Cell::from("")]);
    match &overview.deployment {
        None => table.row([name("deployment"), Cell::from("none yet"), Cell::from("")]),
        Some(deployment) => table.row([
            name("deployment"),
            Cell::from(deployment.long_status.as_str()),
            Cell::from(deployment.end_time.unwrap_or(deployment.creation_time)),
        ]),
    }
    for job in &overview.jobs {
        table.row([
            Cell::from(format!("job {}", job.name)),
            Cell::from(job.status_long.as_str()),
            Cell::from(jobs::list::sort(job)),
        ]);
    }
    for (name, chart) in used {
        table.row([Cell::from(name), Cell::from(chart), Cell::from("")]);
    }
    table
}

/// Trouble first.
fn next(overview: &Overview) -> String {
    if let Some(job) = overview.jobs.iter().find(|job| job.status.short == StatusShort::Failed) {
        return format!("hearth logs {} --tool {}", job.name, overview.tool);
    }
    match &overview.deployment {
        Some(under_way) if !under_way.status.is_over() => {
            format!("hearth deploy --follow --tool {}", overview.tool)
        }
        Some(over) if over.status == DeploymentState::Successful => format!("hearth open {}", overview.tool),
        _ => format!("hearth deploy --tool {}", overview.tool),
    }
}
