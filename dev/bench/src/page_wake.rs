//! Bench `page-wake`: time from a visit of a sleeping page to its first byte.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hearth_base::{Error, JobName, Result, ToolName};
use hearth_client::{Anonymous, Client, Transport};
use hearth_testkit::{Hearth, HearthShape, PAGE_COMMAND, Person, TestImage, wait_until_within};
use hearth_wire::jobs::{JobCreate, JobType, JobsQuery, page_sleep::MIN_SLEEP_SECONDS};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;

use crate::{
    durations::{Durations, to_millis},
    report::{BenchReport, Goal, ReportRow},
};

/// Number of tools whose pages sleep and are woken one after another.
const TOOL_COUNT: usize = 8;
/// Number of times that each page is woken.
const ROUND_COUNT: usize = 5;
/// Maximum time until all pages sleep: their time without visits, two reports of the edge, and some more.
const SLEEP_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("page-wake");
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let operator = hearth.operator().await?;
    TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    let visitor = Client::new(Transport::from_url(hearth.url())?, Arc::new(Anonymous));
    let job: JobName = "web".parse()?;
    let mut tools = Vec::new();
    for number in 0..TOOL_COUNT {
        let tool = operator.create_tool(&format!("sleepy{number}")).await?;
        let page = JobCreate {
            job_type: Some(JobType::Webservice),
            sleep_after: Some(MIN_SLEEP_SECONDS),
            ..JobCreate::new(job.clone(), "bookworm", PAGE_COMMAND)
        };
        operator.client.jobs().create(&tool, &page).await?;
        tools.push(tool);
    }
    let (mut woken, mut awake) = (Vec::new(), Vec::new());
    for _ in 0..ROUND_COUNT {
        for tool in &tools {
            wait_until_asleep(&operator, tool, &job).await?;
        }
        for tool in &tools {
            woken.push(time_visit(&visitor, tool).await?);
            awake.push(time_visit(&visitor, tool).await?);
        }
    }
    let (woken, awake) = (Durations::new(woken), Durations::new(awake));
    let seconds = |millis: f64| millis / 1000.0;
    report.add_row(
        ReportRow::new("visit of a sleeping page → page, p95", seconds(woken.percentile_millis(95)), "s")
            .with_goal(Goal::AtMost(1.0)),
    );
    report.add_row(ReportRow::new("the same, median", seconds(woken.median_millis()), "s"));
    report.add_row(ReportRow::new("the next visit, median", awake.median_millis(), "ms"));
    report.add_note(format!(
        "{} visits of {TOOL_COUNT} pages, each served by busybox's httpd, one after another",
        TOOL_COUNT * ROUND_COUNT
    ));
    hearth.stop().await?;
    Ok(report)
}

async fn wait_until_asleep(operator: &Person, tool: &ToolName, job: &JobName) -> Result<()> {
    wait_until_within(SLEEP_TIMEOUT, "the page is asleep", async || {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let shown = operator.client.jobs().show(tool, job, &JobsQuery::default()).await?;
        Ok(shown.status.asleep.map(drop))
    })
    .await
}

/// Visits a page; an answer other than the page is an error.
async fn time_visit(visitor: &Client, tool: &ToolName) -> Result<Duration> {
    let began = Instant::now();
    let call = visitor.build_call(Method::GET, "/").header(header::HOST, &format!("{tool}.localhost"));
    let answer = call.send_raw().await?;
    let status = answer.status();
    let page = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
    let took = began.elapsed();
    if status != StatusCode::OK {
        let text = String::from_utf8_lossy(&page).into_owned();
        return Err(Error::internal(format!(
            "{tool} answered {status} after {} ms: {text}",
            to_millis(took)
        )));
    }
    Ok(took)
}
