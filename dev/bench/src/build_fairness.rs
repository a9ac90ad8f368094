//! Bench `build-fairness`: a thousand builds of eight tools on eight builders that do nothing but speak the protocol. The
//! tools queue different numbers of builds, and each has its even share. Then a builder dies with its build.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hearth_base::{
    Access, Clock, Entropy, Error, ProcessInstanceId, Result, Role, SystemClock, ToolId, ToolName,
};
use hearth_client::{Client, box_body};
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_testkit::{Hearth, HearthShape, ServiceStand};
use hearth_wire::{
    builds::{
        BuildCreate, BuildCreateQuery,
        internal::{BuildClaim, BuildFinish, BuildLeaseOutcome, BuilderProcess},
    },
    tools::Quota,
};
use http_body_util::Full;
use jiff::Timestamp;
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    durations::{Durations, to_millis},
    report::{BenchReport, Goal, ReportRow},
};

const TOOL_COUNT: usize = 8;
const BUILDER_COUNT: usize = 8;
const BUILD_COUNT: usize = 1000;
/// Pause of a tool whose queue is full.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(5);
/// Largest difference of a tool's share from the even one, in percent.
const MAX_DIFFERENCE_PERCENT: f64 = 5.0;
/// Longest time until the build of a killed builder has another one, in seconds.
const MAX_TAKEOVER_SECONDS: f64 = 60.0;

/// Ended builds of each tool.
type EndedBuilds = Arc<Vec<AtomicUsize>>;

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let settings = hearth_builds::BUILDS_SERVICE.settings;
    let config: HearthConfig =
        hearth_kit::config::parse("", "bench", std::iter::empty(), settings.as_slice())?;
    let db = Db::open_file(folder.path(), Role::Builds).await?;
    let stand =
        ServiceStand::start_service(Role::Builds, db, hearth_builds::mount, config, Quota::default()).await?;
    let ended: EndedBuilds = Arc::new((0..TOOL_COUNT).map(|_| AtomicUsize::new(0)).collect());

    let mut starting = JoinSet::new();
    let queues_full = Arc::new(Barrier::new(TOOL_COUNT + 1));
    for number in 0..TOOL_COUNT {
        let name: ToolName = format!("tool{number}").parse()?;
        let id = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
        let client = stand.member(id, &name, Access::Write)?;
        starting.spawn(keep_queue_full(client, name, number, queues_full.clone()));
    }
    // A tool without a waiting build would lose its turn.
    tokio::select! {
        _ = queues_full.wait() => {}
        Some(ended) = starting.join_next() => ended.map_err(Error::internal)??,
    }
    let begun = Instant::now();
    let mut building = JoinSet::new();
    for number in 0..BUILDER_COUNT {
        let life = ProcessInstanceId::new(stand.clock.now(), &Entropy::System);
        let process = BuilderProcess { place: format!("builder{number}"), life };
        building.spawn(run_builder(stand.service_client(Role::Builder)?, process, ended.clone()));
    }
    let mut claims = Vec::new();
    while let Some(durations) = building.join_next().await {
        claims.extend(durations.map_err(Error::internal)??);
    }
    let elapsed = begun.elapsed();
    starting.abort_all();
    let mut report = render_report(&ended, &Durations::new(claims), elapsed);
    let takeover = to_millis(measure_takeover().await?) / 1000.0;
    let row = ReportRow::new("build of a killed builder → another builder has it", takeover, "s");
    report.add_row(row.with_goal(Goal::AtMost(MAX_TAKEOVER_SECONDS)));
    Ok(report)
}

/// Measures the time until a waiting builder gets the build of one that claimed it and sends no heartbeat.
async fn measure_takeover() -> Result<Duration> {
    let mut hearth = Hearth::start(HearthShape::SPLIT_ON_FILES).await?;
    hearth.kill(Role::Builder).await?;
    let operator = hearth.operator().await?;
    let tool = operator.create_tool("takeover").await?;
    let address =
        hearth.role_address(Role::Builds).ok_or_else(|| Error::internal("builds has no address"))?;
    let builder = hearth.service_client(&format!("http://{address}"), Role::Builds, Role::Builder)?;
    let archive = box_body(Full::new("an archive that no builder reads".into()));
    let upload = operator.client.builds().upload(&tool, archive).await?;
    let create = BuildCreate { upload: Some(upload.id), ..BuildCreate::default() };
    operator.client.builds().start(&tool, &create, &BuildCreateQuery::default()).await?;
    let claim = async |place: &str| {
        let life = ProcessInstanceId::new(SystemClock.now(), &Entropy::System);
        let process = BuilderProcess { place: place.to_owned(), life };
        let claim = BuildClaim { wait: 20, builder: Some(process), slots: 1, ..BuildClaim::default() };
        builder.builds().claim_build(&claim).await.map(|reply| reply.lease)
    };
    claim("killed").await?.ok_or_else(|| Error::internal("the build was not claimed"))?;
    let began = Instant::now();
    while claim("waiting").await?.is_none() {}
    let elapsed = began.elapsed();
    hearth.stop().await?;
    Ok(elapsed)
}

/// Starts builds of a tool as long as it may queue more. A tool with a higher number queues fewer at a time.
async fn keep_queue_full(
    client: Client,
    name: ToolName,
    number: usize,
    queues_full: Arc<Barrier>,
) -> Result<()> {
    let archive = box_body(Full::new("an archive that no builder reads".into()));
    let upload = client.builds().upload(&name, archive).await?;
    let create = BuildCreate { upload: Some(upload.id), ..BuildCreate::default() };
    let query = BuildCreateQuery { queue: true, ..BuildCreateQuery::default() };
    let mut was_full = false;
    loop {
        match client.builds().start(&name, &create, &query).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(number as u64)).await,
            Err(error) if error.code() == "too-many-builds" => {
                if !std::mem::replace(&mut was_full, true) {
                    queues_full.wait().await;
                }
                tokio::time::sleep(FULL_QUEUE_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Claims builds and ends them at once, until all have ended. They end as failed, so that no image is stored. Returns the
/// durations of the claims.
async fn run_builder(client: Client, process: BuilderProcess, ended: EndedBuilds) -> Result<Vec<Duration>> {
    let claim = BuildClaim { wait: 1, builder: Some(process), slots: 1, ..BuildClaim::default() };
    let mut durations = Vec::new();
    while count_all(&ended) < BUILD_COUNT {
        let begun = Instant::now();
        let Some(lease) = client.builds().claim_build(&claim).await?.lease else { continue };
        durations.push(begun.elapsed());
        let outcome = BuildLeaseOutcome::Failed { message: "This build does nothing.".to_owned() };
        let finish = BuildFinish { ticket: lease.ticket, outcome, failure: None };
        client.builds().finish_build(lease.build, &finish).await?;
        let number = lease.tool_name.as_str().trim_start_matches("tool").parse::<usize>();
        let count = number.ok().and_then(|number| ended.get(number));
        count.ok_or_else(|| Error::internal("a build of an unknown tool"))?.fetch_add(1, Ordering::Relaxed);
    }
    Ok(durations)
}

fn count_all(ended: &EndedBuilds) -> usize {
    ended.iter().map(|count| count.load(Ordering::Relaxed)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a thousand builds")]
fn render_report(ended: &EndedBuilds, claims: &Durations, elapsed: Duration) -> BenchReport {
    let mut report = BenchReport::new("build-fairness");
    let even = count_all(ended) as f64 / TOOL_COUNT as f64;
    let counts: Vec<usize> = ended.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    let difference = |count: &usize| (*count as f64 - even).abs() / even * 100.0;
    let largest = counts.iter().map(difference).fold(0.0, f64::max);
    let row = ReportRow::new("largest difference of a tool's share from the even one", largest, "%");
    report.add_row(row.with_goal(Goal::AtMost(MAX_DIFFERENCE_PERCENT)));
    report.add_row(ReportRow::new("claim of a build, median", claims.median_millis(), "ms"));
    report.add_row(ReportRow::new("claim of a build, p99", claims.percentile_millis(99), "ms"));
    report.add_row(ReportRow::new("all builds", to_millis(elapsed), "ms"));
    report.add_note(format!(
        "{} builds on {BUILDER_COUNT} builders; of each tool: {counts:?}",
        count_all(ended)
    ));
    report
}
