//! Bench `logs`: delay from a container to a follower, rate of ingestion, and search in a gigabyte of lines.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use hearth_base::{Access, Clock, Entropy, Error, Memory, Result, Role, SystemClock, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_logs::LogsSettings;
use hearth_testkit::{Hearth, HearthShape, ServiceStand, TestImage};
use hearth_wire::{
    jobs::JobCreate,
    logs::{
        LogsDirection, LogsEntry, LogsQuery, LogsStream,
        internal::{LogsBatch, LogsLine, LogsOwner, LogsSource},
    },
    tools::{Quota, ToolCreate},
};
use http_body_util::BodyExt;
use jiff::Timestamp;

use crate::{
    durations::{Durations, to_millis},
    proc,
    report::{BenchReport, Goal, ReportRow},
};

/// Size of the searched text in bytes.
const TEXT_BYTES: u64 = 1 << 30;
/// Lines in one append request.
const LINES_PER_BATCH: u64 = 1000;
/// One line of this many contains the searched text.
const LINES_PER_MATCH: u64 = 100_000;
const SEARCHED_TEXT: &str = "connection reset by peer";
/// Number of measurements of each search.
const SEARCH_COUNT: u32 = 5;
/// Number of followed lines.
const FOLLOWED_LINES: usize = 500;

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("logs");
    measure_following(&mut report).await?;
    measure_searching(&mut report).await?;
    Ok(report)
}

/// Measures the time from reading a line from a container until a follower receives it.
async fn measure_following(report: &mut BenchReport) -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let operator = hearth.operator().await?;
    let tool: ToolName = "bench".parse()?;
    operator.client.tools().create(&ToolCreate { name: tool.clone(), description: String::new() }).await?;
    TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    let ticks = "while true; do echo tick; sleep 0.02; done";
    let ticks = JobCreate { continuous: Some(true), ..JobCreate::new("ticks".parse()?, "bookworm", ticks) };
    operator.client.jobs().create(&tool, &ticks).await?;
    let stream = operator.client.logs().stream_lines(&tool, None, &LogsQuery::default()).await?;
    let mut body = stream.into_body();
    let (mut delays, mut text) = (Vec::new(), Vec::new());
    while delays.len() < FOLLOWED_LINES {
        let frame = body.frame().await.ok_or_else(|| Error::internal("the stream ended"))?;
        let now = SystemClock.now();
        text.extend_from_slice(&frame.map_err(Error::internal)?.into_data().unwrap_or_default());
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = text.drain(..whole).collect();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let entry: LogsEntry = serde_json::from_slice(line).map_err(Error::internal)?;
            delays.push(Duration::try_from(now.duration_since(entry.datetime)).unwrap_or_default());
        }
    }
    let times = Durations::new(delays);
    report.add_row(ReportRow::new(
        "line written → received by a follower, median",
        times.median_millis(),
        "ms",
    ));
    report.add_row(
        ReportRow::new("the same, p99", times.percentile_millis(99), "ms").with_goal(Goal::AtMost(50.0)),
    );
    operator.client.jobs().delete(&tool, &"ticks".parse()?).await?;
    hearth.stop().await
}

/// Measures ingestion of a gigabyte of one tool's lines, and searches in it, compared with ripgrep on the
/// same lines in a file.
async fn measure_searching(report: &mut BenchReport) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let db = Db::open_file(folder.path(), Role::Logs).await?;
    let room = Memory::from_mib(8 << 10);
    let mut config = HearthConfig::default();
    config.set_section(LogsSettings { tool_size: room, hour_size: room, ..LogsSettings::default() });
    let stand =
        ServiceStand::start_service(Role::Logs, db, hearth_logs::mount, config, Quota::default()).await?;
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "bench".parse()?);
    let file = folder.path().join("lines");
    let (jobs, viewer) = (stand.service_client(Role::Jobs)?, stand.member(id, &tool, Access::Read)?);
    let lines = measure_ingestion(report, &jobs, id, &file).await?;
    let size = std::fs::metadata(folder.path().join("logs.sqlite")).map_err(Error::internal)?.len();
    let part = f64::from(u32::try_from(size >> 20).unwrap_or(u32::MAX));
    report.add_row(ReportRow::new("size of 1 GB of lines in the database", part, "MB"));
    let expected = usize::try_from(lines.div_ceil(LINES_PER_MATCH)).map_err(Error::internal)?;
    for (what, query, words) in [
        (
            "a case-insensitive text",
            LogsQuery { text: Some(SEARCHED_TEXT.to_owned()), ..build_query() },
            ["-iF", SEARCHED_TEXT],
        ),
        (
            "a regular expression",
            LogsQuery { regex: Some("reset by p[a-e]+r$".to_owned()), ..build_query() },
            ["-e", "reset by p[a-e]+r$"],
        ),
    ] {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for _ in 0..SEARCH_COUNT {
            let began = Instant::now();
            let found = count_matches(&viewer, &tool, &query).await?;
            own.push(began.elapsed());
            if found != expected {
                return Err(Error::internal(format!("the search found {found} lines instead of {expected}")));
            }
            let began = Instant::now();
            let status = Command::new("rg").args(words).arg(&file).stdout(Stdio::null()).status();
            match status {
                Ok(status) if status.success() => other.push(began.elapsed()),
                _ => {}
            }
        }
        let own = Durations::new(own);
        let row = ReportRow::new(format!("search of 1 GB for {what}, median"), own.median_millis(), "ms");
        let row = row.with_goal(Goal::AtMost(300.0));
        report.add_row(if other.is_empty() {
            row
        } else {
            row.with_peer("ripgrep", Durations::new(other).median_millis())
        });
    }
    if Command::new("rg").arg("--version").stdout(Stdio::null()).status().is_err() {
        report.add_note("ripgrep is not installed: apt-get install ripgrep");
    }
    report.add_note(format!(
        "{lines} lines of slightly more than 100 bytes; one of {LINES_PER_MATCH} contains the searched text"
    ));
    Ok(())
}

fn build_query() -> LogsQuery {
    let since = Some("2026-05-01".to_owned());
    LogsQuery { direction: LogsDirection::OldestFirst, since, ..LogsQuery::default() }
}

/// Counts the matching lines over all pages.
async fn count_matches(viewer: &Client, tool: &ToolName, query: &LogsQuery) -> Result<usize> {
    let mut page = viewer.logs().list(tool, None, query).await?.data;
    let mut found = page.logs.len();
    while let Some(next) = page.next {
        page = viewer.logs().next_page(tool, None, &next.url).await?.data;
        found += page.logs.len();
    }
    Ok(found)
}

/// Appends a gigabyte of a job's lines to the service and to a file. Returns the number of lines.
async fn measure_ingestion(
    report: &mut BenchReport,
    jobs: &Client,
    tool: ToolId,
    file: &Path,
) -> Result<u64> {
    let mut file = BufWriter::new(File::create(file).map_err(Error::internal)?);
    let source = LogsSource {
        tool,
        of: LogsOwner::Job("web".parse()?),
        run: "run-1".to_owned(),
        instance: "web-1".to_owned(),
    };
    let start: Timestamp = "2026-05-04T12:00:00Z".parse().map_err(Error::internal)?;
    let (mut sequence, mut written) = (0, 0);
    let mut took = Duration::ZERO;
    let cpu = proc::read_cpu_time(&[std::process::id()])?;
    let mut words = LineGenerator(1);
    while written < TEXT_BYTES {
        let mut lines = Vec::new();
        for _ in 0..LINES_PER_BATCH {
            let rare = sequence % LINES_PER_MATCH == 0;
            sequence += 1;
            let text = words.generate_line(if rare { SEARCHED_TEXT } else { "request is done" });
            writeln!(file, "{text}").map_err(Error::internal)?;
            written += text.len() as u64 + 1;
            let time = start + Duration::from_millis(sequence / 10);
            lines.push(LogsLine { sequence, time, stream: LogsStream::Out, partial: false, text });
        }
        let batch = LogsBatch { source: source.clone(), lines, complete: false };
        let began = Instant::now();
        jobs.logs().append(&batch).await?;
        took += began.elapsed();
    }
    file.flush().map_err(Error::internal)?;
    let cpu = proc::read_cpu_time(&[std::process::id()])?.saturating_sub(cpu);
    let count = f64::from(u32::try_from(sequence).unwrap_or(u32::MAX));
    report.add_row(ReportRow::new(
        "ingested lines, one request after another",
        count / took.as_secs_f64(),
        "lines/s",
    ));
    report.add_row(ReportRow::new(
        "processor time for a line, including generating and sending it",
        to_millis(cpu) * 1000.0 / count,
        "µs",
    ));
    Ok(sequence)
}

/// Generator of realistic log lines: a few repeated words and random numbers. The state of a linear
/// congruential generator.
struct LineGenerator(u64);

impl LineGenerator {
    fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn generate_line(&mut self, what: &str) -> String {
        const LOG_LEVELS: [&str; 4] = ["DEBUG", "INFO", "INFO", "WARNING"];
        const MODULE_NAMES: [&str; 5] = ["app.views", "app.worker", "db.session", "http.client", "cache"];
        let level = LOG_LEVELS.get((self.next_number() % 4) as usize).unwrap_or(&"INFO");
        let module = MODULE_NAMES.get((self.next_number() % 5) as usize).unwrap_or(&"app");
        let (page, took, id) = (self.next_number() % 100_000, self.next_number() % 5000, self.next_number());
        format!(
            "2026-05-04 12:00:00,{:03} {level} {module} page={page} took={took}ms id={id:012x} user=u{} {what}",
            took % 1000,
            page % 97
        )
    }
}
