//! Four tools that take whatever they can get, beside a fifth that people visit: each meets its limit and is told so,
//! and nobody else notices.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use hearth_base::{Error, JobName, Kind, Result, ToolName};
use hearth_client::Client;
use hearth_testkit::{Hearth, Image, Shape, all_runs, until_within};
use hearth_wire::{
    jobs::{HealthAsk, HealthCheck, JobCreate, JobType, JobsQuery, Run, RunEnd, RunState},
    logs::{LogsEntry, LogsQuery, LogsStream},
    tools::ToolCreate,
};

use crate::whole::Visitor;

/// How often the page is visited meanwhile.
const VISITS: u32 = 100;
/// Processes make processes. What cannot be made any more is tried again.
const BOMB: &str = "f() { f | f & }; while :; do command eval 'f | f &'; done";
/// One process that grows, and a line for the shell with such a one in it.
const EATER: [(&str, &str); 2] = [("eater", "tail /dev/zero"), ("eaters-line", "tail /dev/zero; exit $?")];
/// Each time it has grown too large it is killed, and another one grows.
const EATERS: &str = "while :; do tail /dev/zero; done";
/// All the room that there is on its disk is written over and over, and lines without end.
const FILLER: &str = "while :; do cat /dev/zero > /tmp/full; done & exec yes $(seq 500)";
/// It ends when there is no room any more.
const FILL: &str = "cat /dev/zero > /tmp/full";
/// How much room there is.
const SETTINGS: &str = "[jobs]\ngrace = 1\ndisk = \"256Mi\"\n";
const LOOPS: &str = "for i in 1 2 3; do while :; do :; done & done; while :; do :; done";
const PAGE: &str = "mkdir /tmp/www; echo open > /tmp/www/index.html; exec httpd -f -p 8000 -h /tmp/www";

/// A tool with a job that is called like it.
struct Tool<'a> {
    client: &'a Client,
    name: ToolName,
}

#[tokio::test]
async fn four_tools_that_take_all_they_can_do_not_disturb_a_fifth() -> Result<()> {
    let hearth = Hearth::start_with(Shape::UP, SETTINGS).await?;
    let client = hearth.operator().await?.client;
    Image::busybox(&[])?.push(&client, "hearth/bookworm", "latest").await?;
    let page = Tool::with(&client, JobType::Webservice, "page", PAGE).await?;
    let visitor = Visitor::at(hearth.url())?;
    eventually("the page answers", async || Ok(visitor.visits("page").await?.0.is_success())).await?;
    let services = hearth.door_pid();

    let bomb = Tool::with(&client, JobType::Continuous, "bomb", BOMB).await?;
    let eaters = Tool::with(&client, JobType::Continuous, "eaters", EATERS).await?;
    let filler = Tool::with(&client, JobType::Continuous, "filler", FILLER).await?;
    let loops = Tool::with(&client, JobType::Continuous, "loops", LOOPS).await?;
    let greedy = [bomb, eaters, filler, loops];
    let [bomb, eaters, filler, _] = &greedy;
    eventually("the bomb goes off", async || Ok(group_of(&hearth, BOMB)?.is_some())).await?;
    let group = group_of(&hearth, BOMB)?.unwrap();
    bomb.is_told_that_it_has_all_its_processes(&group).await?;
    eaters.is_told_what_memory_it_needed().await?;
    filler.is_told_that_lines_are_missing().await?;
    filler.is_told_that_its_disk_is_full().await?;

    eventually("all of them run", async || Ok(living(&greedy).await?.len() == greedy.len())).await?;
    let before = living(&greedy).await?;
    for visit in 0..VISITS {
        let (status, text) = visitor.visits("page").await?;
        assert!(status.is_success() && text.contains("open"), "visit {visit}: {status} {text}");
        for tool in &greedy {
            let jobs = client.jobs().list(&tool.name, &JobsQuery::default()).await?;
            assert!(jobs.iter().any(|job| job.name.as_str() == tool.name.as_str()), "{jobs:?}");
        }
        assert!(number(&group.join("pids.current"))? <= 512);
    }
    // All the time they went on, and so did the page and Hearth itself.
    assert_eq!(living(&greedy).await?, before);
    assert_eq!(page.runs().await?.len(), 1);
    assert_eq!(hearth.door_pid(), services);

    for tool in greedy.iter().chain([&page]) {
        client.jobs().flush(&tool.name).await?;
    }
    let gone = async || Ok(hearth.contained()?.is_empty() && hearth.helpers()?.is_empty());
    eventually("nothing of them is left", gone).await?;
    hearth.stop().await
}

impl<'a> Tool<'a> {
    async fn with(client: &'a Client, kind: JobType, name: &str, cmd: &str) -> Result<Self> {
        let tool = Self { client, name: name.parse()? };
        let create = ToolCreate { name: tool.name.clone(), description: String::new() };
        client.tools().create(&create).await?;
        tool.creates(kind, name, cmd).await?;
        Ok(tool)
    }

    async fn creates(&self, kind: JobType, name: &str, cmd: &str) -> Result<()> {
        let page = kind == JobType::Webservice;
        let job = JobCreate {
            job_type: Some(kind),
            health_check: page.then(|| HealthCheck::of(HealthAsk::Http("/".to_owned()))),
            ..JobCreate::new(name.parse()?, "bookworm", cmd)
        };
        self.client.jobs().create(&self.name, &job).await.map(drop)
    }

    /// Runs of the job that is called like the tool.
    async fn runs(&self) -> Result<Vec<Run>> {
        all_runs(self.client, &self.name, &self.name.as_str().parse()?).await
    }

    /// Lines of its job's log.
    async fn log(&self, query: &LogsQuery) -> Result<Vec<LogsEntry>> {
        let job: JobName = self.name.as_str().parse()?;
        match self.client.logs().list(&self.name, &job, query).await {
            // Nothing has arrived yet.
            Err(error) if error.kind() == Kind::NotFound => Ok(Vec::new()),
            found => Ok(found?.data.logs),
        }
    }

    async fn is_told_that_it_has_all_its_processes(&self, group: &Path) -> Result<()> {
        let refused = async || Ok(number(&group.join("pids.events"))? > 0);
        eventually("it is refused a process", refused).await?;
        // The most that `jobs.processes` gives when nobody says another.
        assert_eq!(number(&group.join("pids.max"))?, 512);
        let query =
            LogsQuery { lines: Some(10), text: Some("can't fork".to_owned()), ..LogsQuery::default() };
        eventually("its log says so", async || Ok(!self.log(&query).await?.is_empty())).await
    }

    /// That of a run which is over, because it was one process that grew.
    async fn is_told_what_memory_it_needed(&self) -> Result<()> {
        for (name, cmd) in EATER {
            let run = self.runs_to_its_end(name, cmd).await?;
            assert_eq!(run.end, Some(RunEnd::OutOfMemory), "{run:?}");
            assert!(run.peak_memory <= 512 << 20, "{run:?}");
            assert_eq!(run.reason.as_deref(), Some("it needed more than its 512Mi of memory"));
        }
        Ok(())
    }

    /// That of a run which is over, because it could not write more.
    async fn is_told_that_its_disk_is_full(&self) -> Result<()> {
        let run = self.runs_to_its_end("fill", FILL).await?;
        let told = "it ended with status 1; it had filled its 256Mi of disk";
        assert_eq!((run.exit_code, run.reason.as_deref()), (Some(1), Some(told)), "{run:?}");
        Ok(())
    }

    /// The only run of a job that runs once.
    async fn runs_to_its_end(&self, name: &str, cmd: &str) -> Result<Run> {
        self.creates(JobType::OneOff, name, cmd).await?;
        let job = name.parse()?;
        let runs = async || all_runs(self.client, &self.name, &job).await;
        eventually("it ends", async || Ok(runs().await?.iter().any(|run| run.end.is_some()))).await?;
        runs().await?.pop().ok_or_else(|| Error::internal("no run"))
    }

    async fn is_told_that_lines_are_missing(&self) -> Result<()> {
        let query = LogsQuery { lines: Some(1), stream: Some(LogsStream::Note), ..LogsQuery::default() };
        let noted = async || {
            let notes = self.log(&query).await?;
            Ok(notes.iter().any(|note| note.message.contains("lost") || note.message.contains("dropped")))
        };
        eventually("a note about lines", noted).await
    }
}

/// The runs of these tools that go on.
async fn living(tools: &[Tool<'_>]) -> Result<Vec<String>> {
    let mut living = Vec::new();
    for tool in tools {
        let runs = tool.runs().await?.into_iter();
        living.extend(runs.filter(|run| run.state == RunState::Running).map(|run| run.id));
    }
    Ok(living)
}

/// The control group of the container that the host finds these words running in.
fn group_of(hearth: &Hearth, words: &str) -> Result<Option<PathBuf>> {
    let running = |pid: &str| {
        fs::read(Path::new("/proc").join(pid).join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(words))
    };
    let contained = hearth.contained()?;
    let found = contained.iter().find_map(|line| {
        let (pid, group) = line.split_once(' ')?;
        let path = group.splitn(3, ':').last()?.trim_start_matches('/');
        running(pid).then(|| path.to_owned())
    });
    let Some(path) = found else { return Ok(None) };
    // The older form has a hierarchy for each sort of limit.
    let places = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(|mount| Path::new(mount).join(&path));
    Ok(places.into_iter().find(|place| place.join("pids.max").exists()))
}

/// The number in a file, or the last one.
fn number(path: &Path) -> Result<u64> {
    let text = fs::read_to_string(path).map_err(Error::internal)?;
    let last = text.split_whitespace().last().and_then(|number| number.parse().ok());
    last.ok_or_else(|| Error::internal(format!("no number in {}: {text}", path.display())))
}

async fn eventually(what: &str, so: impl AsyncFn() -> Result<bool>) -> Result<()> {
    until_within(Duration::from_secs(100), what, async || Ok(so().await?.then_some(()))).await
}
