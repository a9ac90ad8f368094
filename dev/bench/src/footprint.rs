//! Memory: all roles idle, and what a running container costs beyond its own process.

use std::time::Duration;

use hearth_base::{Error, Result, ToolName};
use hearth_client::Client;
use hearth_testkit::{Hearth, Image, Shape, program, until};
use hearth_wire::{
    jobs::{JobCreate, RunState},
    reply::Paging,
    tools::ToolCreate,
};

use crate::{
    proc::{self, Memory, mb},
    report::{Goal, Report, Row},
};

/// How many containers run at one time.
const CONTAINERS: u32 = 300;
/// How many of them are one tool's.
const OF_ONE: u32 = 15;
/// What helpers are started as.
const HELPER: &str = "hearth-runtime-helper";

/// Measures it.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("footprint");
    let hearth = Hearth::start(Shape::UP).await?;
    let idle = settled(&hearth).await?;
    report.row(Row::new("resident, all roles idle", mb(idle.resident), "MB").goal(Goal::AtMost(40.0)));
    report.row(Row::new("the same, shared pages once", mb(idle.proportional), "MB"));

    let operator = hearth.operator().await?;
    Image::busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    let mut tools: Vec<ToolName> = Vec::new();
    for number in 0..CONTAINERS / OF_ONE {
        let name: ToolName = format!("bench{number}").parse()?;
        operator
            .client
            .tools()
            .create(&ToolCreate { name: name.clone(), description: String::new() })
            .await?;
        for number in 0..OF_ONE {
            keep(&operator.client, &name, &format!("keep{number}")).await?;
        }
        tools.push(name);
    }
    let busy = settled(&hearth).await?;
    let helpers: Vec<u32> = own(&hearth)?.into_iter().filter(|pid| proc::name(*pid) == HELPER).collect();
    if helpers.len() != CONTAINERS as usize {
        return Err(Error::internal(format!("{} helpers for {CONTAINERS} containers", helpers.len())));
    }
    let each = |bytes: u64| mb(bytes) / f64::from(CONTAINERS);
    let of_helpers = proc::memory(&helpers)?;
    let row = Row::new("private, for each running container", each(of_helpers.private), "MB");
    report.row(row.goal(Goal::AtMost(0.1)));
    report.row(Row::new("the same, with its part of shared pages", each(of_helpers.proportional), "MB"));
    let others = busy.resident.saturating_sub(of_helpers.resident);
    let what =
        format!("resident, once somebody has signed in and {CONTAINERS} containers run, without helpers");
    report.row(Row::new(what, mb(others), "MB"));
    report.note(format!("{} processes of Hearth when idle", own(&hearth)?.len() - helpers.len()));
    report.note("peers, as published: 350 to 1,600 MB idle");
    for tool in &tools {
        operator.client.jobs().flush(tool).await?;
    }
    hearth.stop().await?;
    Ok(report)
}

/// Has a container run that does nothing.
async fn keep(client: &Client, tool: &ToolName, name: &str) -> Result<()> {
    let mut job = JobCreate::new(name.parse()?, "bookworm", "sleep 100000");
    job.continuous = Some(true);
    client.jobs().create(tool, &job).await?;
    until("a container to run", async || {
        let runs = client.jobs().runs(tool, &job.name, &Paging::default()).await?.runs;
        Ok(runs.iter().any(|run| run.state == RunState::Running).then_some(()))
    })
    .await
}

/// The memory of all of Hearth once it has been the same for more than a minute: so often each process gives back what it
/// does not need at the moment.
async fn settled(hearth: &Hearth) -> Result<Memory> {
    /// How often in a row nothing has changed, and the pause between two looks.
    const LOOKS: u32 = 250;
    const PAUSE: Duration = Duration::from_millis(250);
    /// It may go on for as many looks as this at most: what is there then counts.
    const MOST: u32 = 500;
    let mut last = proc::memory(&own(hearth)?)?;
    let mut same = 0;
    for _ in 0..MOST {
        tokio::time::sleep(PAUSE).await;
        let now = proc::memory(&own(hearth)?)?;
        same = if now.resident == last.resident { same + 1 } else { 0 };
        last = now;
        if same == LOOKS {
            break;
        }
    }
    Ok(last)
}

/// The processes that are Hearth's own, helpers included; not what runs in containers. Helpers are another program.
fn own(hearth: &Hearth) -> Result<Vec<u32>> {
    let hearthd = program("hearthd")?;
    let family = proc::family(&hearth.pids());
    let is_own =
        |pid: &u32| proc::program(*pid).is_some_and(|path| path == hearthd) || proc::name(*pid) == HELPER;
    Ok(family.into_iter().filter(is_own).collect())
}
