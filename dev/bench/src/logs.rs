//! Lines: from a container to a follower, taking them over, and searching a gigabyte of them.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use hearth_base::{Access, Clock, Entropy, Error, Memory, Result, Role, SystemClock, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{config::Config, db::Db};
use hearth_logs::LogsSettings;
use hearth_testkit::{Hearth, Image, Shape, Stand};
use hearth_wire::{
    jobs::JobCreate,
    logs::{
        LogsDirection, LogsEntry, LogsQuery, LogsStream,
        internal::{LogsBatch, LogsLine, LogsOf, LogsSource},
    },
    tools::{Quota, ToolCreate},
};
use http_body_util::BodyExt;
use jiff::Timestamp;

use crate::{
    proc,
    report::{Goal, Report, Row},
    times::{Times, millis},
};

/// How much text is searched.
const TEXT: u64 = 1 << 30;
/// How many lines are handed over at one time.
const BATCH: u64 = 1000;
/// One line of so many holds what is searched for.
const RARE: u64 = 100_000;
const NEEDLE: &str = "connection reset by peer";
/// How often each search is done.
const SEARCHES: u32 = 5;
/// How many lines are followed.
const FOLLOWED: usize = 500;

/// Measures it.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("logs");
    followed(&mut report).await?;
    searched(&mut report).await?;
    Ok(report)
}

/// From the moment at which a line was read from a container to the one at which it is in the hands of a follower.
async fn followed(report: &mut Report) -> Result<()> {
    let hearth = Hearth::start(Shape::UP).await?;
    let operator = hearth.operator().await?;
    let tool: ToolName = "bench".parse()?;
    operator.client.tools().create(&ToolCreate { name: tool.clone(), description: String::new() }).await?;
    Image::busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    let ticks = "while true; do echo tick; sleep 0.02; done";
    let ticks = JobCreate { continuous: Some(true), ..JobCreate::new("ticks".parse()?, "bookworm", ticks) };
    operator.client.jobs().create(&tool, &ticks).await?;
    let stream = operator.client.logs().stream(&tool, None, &LogsQuery::default()).await?;
    let mut body = stream.into_body();
    let (mut delays, mut text) = (Vec::new(), Vec::new());
    while delays.len() < FOLLOWED {
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
    let times = Times::new(delays);
    report.row(Row::new("line written → in a follower's hands, median", times.median(), "ms"));
    report.row(Row::new("the same, p99", times.percentile(99), "ms").goal(Goal::AtMost(200.0)));
    operator.client.jobs().delete(&tool, &"ticks".parse()?).await?;
    hearth.stop().await
}

/// A gigabyte of one tool's lines is taken over, and searched beside ripgrep, which has the same lines in a file.
async fn searched(report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let db = Db::open_file(folder.path(), Role::Logs).await?;
    let room = Memory::mib(8 << 10);
    let mut config = Config::default();
    config.set(LogsSettings { tool_size: room, hour_size: room, ..LogsSettings::default() });
    let stand = Stand::of(Role::Logs, db, hearth_logs::mount, config, Quota::default()).await?;
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "bench".parse()?);
    let file = folder.path().join("lines");
    let (jobs, viewer) = (stand.service(Role::Jobs)?, stand.member(id, &tool, Access::Read)?);
    let lines = intake(report, &jobs, id, &file).await?;
    let size = std::fs::metadata(folder.path().join("logs.sqlite")).map_err(Error::internal)?.len();
    let part = f64::from(u32::try_from(size >> 20).unwrap_or(u32::MAX));
    report.row(Row::new("as it lies in the database", part, "MB"));
    let expected = usize::try_from(lines.div_ceil(RARE)).map_err(Error::internal)?;
    for (what, query, words) in [
        ("a text in any case", LogsQuery { text: Some(NEEDLE.to_owned()), ..query() }, ["-iF", NEEDLE]),
        (
            "an expression",
            LogsQuery { regex: Some("reset by p[a-e]+r$".to_owned()), ..query() },
            ["-e", "reset by p[a-e]+r$"],
        ),
    ] {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for _ in 0..SEARCHES {
            let began = Instant::now();
            let found = find(&viewer, &tool, &query).await?;
            own.push(began.elapsed());
            if found != expected {
                return Err(Error::internal(format!("{found} lines were found instead of {expected}")));
            }
            let began = Instant::now();
            let status = Command::new("rg").args(words).arg(&file).stdout(Stdio::null()).status();
            match status {
                Ok(status) if status.success() => other.push(began.elapsed()),
                _ => {}
            }
        }
        let own = Times::new(own);
        let row = Row::new(format!("1 GB searched for {what}, median"), own.median(), "ms");
        let row = row.goal(Goal::AtMost(1000.0));
        report.row(if other.is_empty() { row } else { row.beside("ripgrep", Times::new(other).median()) });
    }
    if Command::new("rg").arg("--version").stdout(Stdio::null()).status().is_err() {
        report.note("ripgrep is not there: apt-get install ripgrep");
    }
    report.note(format!(
        "{lines} lines of 100 bytes and a little more; one of {RARE} holds what is searched for"
    ));
    Ok(())
}

fn query() -> LogsQuery {
    let since = Some("2026-05-01".to_owned());
    LogsQuery { direction: LogsDirection::OldestFirst, since, ..LogsQuery::default() }
}

/// How many lines there are, over all pages.
async fn find(viewer: &Client, tool: &ToolName, query: &LogsQuery) -> Result<usize> {
    let mut page = viewer.logs().list(tool, None, query).await?.data;
    let mut found = page.logs.len();
    while let Some(next) = page.next {
        page = viewer.logs().next(tool, None, &next.url).await?.data;
        found += page.logs.len();
    }
    Ok(found)
}

/// Has a job write a gigabyte, to the service and to a file; how many lines.
async fn intake(report: &mut Report, jobs: &Client, tool: ToolId, file: &Path) -> Result<u64> {
    let mut file = BufWriter::new(File::create(file).map_err(Error::internal)?);
    let source = LogsSource {
        tool,
        of: LogsOf::Job("web".parse()?),
        run: "run-1".to_owned(),
        instance: "web-1".to_owned(),
    };
    let start: Timestamp = "2026-05-04T12:00:00Z".parse().map_err(Error::internal)?;
    let (mut sequence, mut written) = (0, 0);
    let mut took = Duration::ZERO;
    let cpu = proc::cpu(&[std::process::id()])?;
    let mut words = Words(1);
    while written < TEXT {
        let mut lines = Vec::new();
        for _ in 0..BATCH {
            let rare = sequence % RARE == 0;
            sequence += 1;
            let text = words.line(if rare { NEEDLE } else { "request is done" });
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
    let cpu = proc::cpu(&[std::process::id()])?.saturating_sub(cpu);
    let count = f64::from(u32::try_from(sequence).unwrap_or(u32::MAX));
    report.row(Row::new(
        "lines taken over, one at a time waiting for the one before",
        count / took.as_secs_f64(),
        "lines/s",
    ));
    report.row(Row::new(
        "processor time for a line, with making and sending it",
        millis(cpu) * 1000.0 / count,
        "µs",
    ));
    Ok(sequence)
}

/// Lines as programs write them: a few words that come again, a few numbers that don't.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn line(&mut self, what: &str) -> String {
        const LEVELS: [&str; 4] = ["DEBUG", "INFO", "INFO", "WARNING"];
        const MODULES: [&str; 5] = ["app.views", "app.worker", "db.session", "http.client", "cache"];
        let level = LEVELS.get((self.next() % 4) as usize).unwrap_or(&"INFO");
        let module = MODULES.get((self.next() % 5) as usize).unwrap_or(&"app");
        let (page, took, id) = (self.next() % 100_000, self.next() % 5000, self.next());
        format!(
            "2026-05-04 12:00:00,{:03} {level} {module} page={page} took={took}ms id={id:012x} user=u{} {what}",
            took % 1000,
            page % 97
        )
    }
}
