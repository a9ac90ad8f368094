//! Bench `footprint`: memory of all idle roles, and memory of each running container's helper.

use std::time::Duration;

use hearth_base::{Error, Result, ToolName};
use hearth_client::Client;
use hearth_testkit::{Hearth, HearthShape, TestImage, program_path, wait_until};
use hearth_wire::{
    jobs::{JobCreate, RunState},
    reply::Paging,
    tools::ToolCreate,
};

use crate::{
    proc::{self, ProcessMemory, to_megabytes},
    report::{BenchReport, Goal, ReportRow},
};

/// Number of containers that run at the same time.
const CONTAINER_COUNT: u32 = 300;
/// Number of containers of one tool.
const CONTAINERS_PER_TOOL: u32 = 15;
/// Memory that the goal allows when idle, and with all containers.
const MAX_CORE_MEGABYTES: f64 = 40.0;
/// Process name of helpers.
const HELPER_NAME: &str = "hearth-runtime-helper";

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("footprint");
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let idle = measure_settled_memory(&hearth).await?;
    report.add_row(
        ReportRow::new("resident, all roles idle", to_megabytes(idle.resident), "MB")
            .with_goal(Goal::AtMost(MAX_CORE_MEGABYTES)),
    );
    report.add_row(ReportRow::new(
        "the same, shared pages counted once",
        to_megabytes(idle.proportional),
        "MB",
    ));

    let operator = hearth.operator().await?;
    TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    let mut tools: Vec<ToolName> = Vec::new();
    for number in 0..CONTAINER_COUNT / CONTAINERS_PER_TOOL {
        let name: ToolName = format!("bench{number}").parse()?;
        operator
            .client
            .tools()
            .create(&ToolCreate { name: name.clone(), description: String::new() })
            .await?;
        for number in 0..CONTAINERS_PER_TOOL {
            start_idle_job(&operator.client, &name, &format!("keep{number}")).await?;
        }
        tools.push(name);
    }
    let busy = measure_settled_memory(&hearth).await?;
    let helpers: Vec<u32> =
        list_own_processes(&hearth)?.into_iter().filter(|pid| proc::read_name(*pid) == HELPER_NAME).collect();
    if helpers.len() != CONTAINER_COUNT as usize {
        return Err(Error::internal(format!("{} helpers for {CONTAINER_COUNT} containers", helpers.len())));
    }
    let each = |bytes: u64| to_megabytes(bytes) / f64::from(CONTAINER_COUNT);
    let of_helpers = proc::read_memory(&helpers)?;
    let row = ReportRow::new("private, for each running container", each(of_helpers.private), "MB");
    report.add_row(row.with_goal(Goal::AtMost(0.1)));
    report.add_row(ReportRow::new(
        "the same, with its share of shared pages",
        each(of_helpers.proportional),
        "MB",
    ));
    let others = busy.resident.saturating_sub(of_helpers.resident);
    let what =
        format!("resident, after a sign-in and with {CONTAINER_COUNT} running containers, without helpers");
    report.add_row(
        ReportRow::new(what, to_megabytes(others), "MB").with_goal(Goal::AtMost(MAX_CORE_MEGABYTES)),
    );
    report.add_note(format!(
        "{} processes of Hearth when idle",
        list_own_processes(&hearth)?.len() - helpers.len()
    ));
    report.add_note("peers, as published: 350 to 1,600 MB idle");
    for tool in &tools {
        operator.client.jobs().flush(tool).await?;
    }
    hearth.stop().await?;
    Ok(report)
}

/// Starts a continuous job that does nothing, and waits until it runs.
async fn start_idle_job(client: &Client, tool: &ToolName, name: &str) -> Result<()> {
    let mut job = JobCreate::new(name.parse()?, "bookworm", "sleep 100000");
    job.continuous = Some(true);
    client.jobs().create(tool, &job).await?;
    wait_until("a container to run", async || {
        let runs = client.jobs().list_runs(tool, &job.name, &Paging::default()).await?.runs;
        Ok(runs.iter().any(|run| run.state == RunState::Running).then_some(()))
    })
    .await
}

/// Measures the memory of all of Hearth's processes after it has been unchanged for more than a minute, the
/// interval in which each process trims its memory.
async fn measure_settled_memory(hearth: &Hearth) -> Result<ProcessMemory> {
    /// Number of consecutive equal samples, and the pause between two samples.
    const STABLE_SAMPLES: u32 = 250;
    const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);
    /// Maximum number of samples; the last one counts if the memory never settles.
    const MAX_SAMPLES: u32 = 500;
    let mut last = proc::read_memory(&list_own_processes(hearth)?)?;
    let mut same = 0;
    for _ in 0..MAX_SAMPLES {
        tokio::time::sleep(SAMPLE_INTERVAL).await;
        let now = proc::read_memory(&list_own_processes(hearth)?)?;
        same = if now.resident == last.resident { same + 1 } else { 0 };
        last = now;
        if same == STABLE_SAMPLES {
            break;
        }
    }
    Ok(last)
}

/// Lists Hearth's own processes, including helpers, without processes in containers. Helpers run another
/// program than hearthd, so they are recognised by their name.
fn list_own_processes(hearth: &Hearth) -> Result<Vec<u32>> {
    let hearthd = program_path("hearthd")?;
    let family = proc::list_family(&hearth.list_pids());
    let is_own = |pid: &u32| {
        proc::read_program(*pid).is_some_and(|path| path == hearthd) || proc::read_name(*pid) == HELPER_NAME
    };
    Ok(family.into_iter().filter(is_own).collect())
}
