//! Four tools exhaust processes, memory, disk, log and processors beside a fifth with a web page: each
//! reaches its limit and reports it, and the page and Hearth are not disturbed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use hearth_base::{Error, ErrorKind, JobName, Result, ToolName};
use hearth_client::Client;
use hearth_testkit::{Hearth, HearthShape, PAGE_COMMAND, TestImage, list_all_runs, wait_until_within};
use hearth_wire::{
    jobs::{HealthCheck, HealthProbe, JobCreate, JobType, JobsQuery, Run, RunEnd, RunState},
    logs::{LogsEntry, LogsQuery, LogsStream},
    tools::ToolCreate,
};

use crate::end_to_end::Visitor;

/// The number of visits to the page during the test.
const VISIT_COUNT: u32 = 100;
/// Starts processes without end, also after failures.
const FORK_BOMB: &str = "f() { f | f & }; while :; do command eval 'f | f &'; done";
/// A single process that exhausts its memory, and one inside a shell command line.
const MEMORY_EATER_JOBS: [(&str, &str); 2] =
    [("eater", "tail /dev/zero"), ("eaters-line", "tail /dev/zero; exit $?")];
/// Exhausts its memory again after each kill.
const MEMORY_EATING_LOOP: &str = "while :; do tail /dev/zero; done";
/// Fills its disk again and again, and writes log lines without end.
const DISK_AND_LOG_FILLER: &str = "while :; do cat /dev/zero > /tmp/full; done & exec yes $(seq 500)";
/// Ends when its disk is full.
const DISK_FILLER: &str = "cat /dev/zero > /tmp/full";
/// Settings with a disk limit of 256 MiB for each job.
const HEARTH_SETTINGS: &str = "[jobs]\ngrace = 1\ndisk = \"256Mi\"\n";
const BUSY_LOOPS: &str = "for i in 1 2 3; do while :; do :; done & done; while :; do :; done";

/// A tool with a job of the same name.
struct ToolWithJob<'a> {
    client: &'a Client,
    name: ToolName,
}

#[tokio::test]
async fn tools_at_their_limits_do_not_disturb_other_tools() -> Result<()> {
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, HEARTH_SETTINGS).await?;
    let client = hearth.operator().await?.client;
    TestImage::from_busybox(&[])?.push(&client, "hearth/bookworm", "latest").await?;
    let page = ToolWithJob::create_with_job(&client, JobType::Webservice, "page", PAGE_COMMAND).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    wait_for("the page answers", async || Ok(visitor.visit_page("page").await?.0.is_success())).await?;
    let services = hearth.door_pid();

    let bomb = ToolWithJob::create_with_job(&client, JobType::Continuous, "bomb", FORK_BOMB).await?;
    let eaters =
        ToolWithJob::create_with_job(&client, JobType::Continuous, "eaters", MEMORY_EATING_LOOP).await?;
    let filler =
        ToolWithJob::create_with_job(&client, JobType::Continuous, "filler", DISK_AND_LOG_FILLER).await?;
    let loops = ToolWithJob::create_with_job(&client, JobType::Continuous, "loops", BUSY_LOOPS).await?;
    let greedy = [bomb, eaters, filler, loops];
    let [bomb, eaters, filler, _] = &greedy;
    wait_for("the fork bomb runs", async || Ok(find_control_group(&hearth, FORK_BOMB)?.is_some())).await?;
    let group = find_control_group(&hearth, FORK_BOMB)?.unwrap();
    bomb.check_process_limit(&group).await?;
    eaters.check_memory_limit().await?;
    filler.check_log_limit().await?;
    filler.check_disk_limit().await?;

    wait_for("all four tools run", async || Ok(list_active_runs(&greedy).await?.len() == greedy.len()))
        .await?;
    let before = list_active_runs(&greedy).await?;
    for visit in 0..VISIT_COUNT {
        let (status, text) = visitor.visit_page("page").await?;
        assert!(status.is_success() && text.contains("open"), "visit {visit}: {status} {text}");
        for tool in &greedy {
            let jobs = client.jobs().list(&tool.name, &JobsQuery::default()).await?;
            assert!(jobs.iter().any(|job| job.name.as_str() == tool.name.as_str()), "{jobs:?}");
        }
        assert!(read_number(&group.join("pids.current"))? <= 512);
    }
    // The runs, the page and Hearth have not been restarted.
    assert_eq!(list_active_runs(&greedy).await?, before);
    assert_eq!(page.list_runs().await?.len(), 1);
    assert_eq!(hearth.door_pid(), services);

    for tool in greedy.iter().chain([&page]) {
        client.jobs().flush(&tool.name).await?;
    }
    let all_ended =
        async || Ok(hearth.list_container_processes()?.is_empty() && hearth.list_helpers()?.is_empty());
    wait_for("no process of a container is left", all_ended).await?;
    hearth.stop().await
}

impl<'a> ToolWithJob<'a> {
    async fn create_with_job(client: &'a Client, kind: JobType, name: &str, cmd: &str) -> Result<Self> {
        let tool = Self { client, name: name.parse()? };
        let create = ToolCreate { name: tool.name.clone(), description: String::new() };
        client.tools().create(&create).await?;
        tool.create_job(kind, name, cmd).await?;
        Ok(tool)
    }

    async fn create_job(&self, kind: JobType, name: &str, cmd: &str) -> Result<()> {
        let page = kind == JobType::Webservice;
        let job = JobCreate {
            job_type: Some(kind),
            health_check: page.then(|| HealthCheck::from_probe(HealthProbe::Http("/".to_owned()))),
            ..JobCreate::new(name.parse()?, "bookworm", cmd)
        };
        self.client.jobs().create(&self.name, &job).await.map(drop)
    }

    /// Lists the runs of the job with the name of the tool.
    async fn list_runs(&self) -> Result<Vec<Run>> {
        list_all_runs(self.client, &self.name, &self.name.as_str().parse()?).await
    }

    /// Reads the log of the job with the name of the tool.
    async fn read_log(&self, query: &LogsQuery) -> Result<Vec<LogsEntry>> {
        let job: JobName = self.name.as_str().parse()?;
        match self.client.logs().list(&self.name, &job, query).await {
            // No line has arrived yet.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            found => Ok(found?.data.logs),
        }
    }

    async fn check_process_limit(&self, group: &Path) -> Result<()> {
        let refused = async || Ok(read_number(&group.join("pids.events"))? > 0);
        wait_for("the kernel refuses a process", refused).await?;
        // The default of the setting `jobs.processes`.
        assert_eq!(read_number(&group.join("pids.max"))?, 512);
        let query =
            LogsQuery { lines: Some(10), text: Some("can't fork".to_owned()), ..LogsQuery::default() };
        wait_for("the log contains the error", async || Ok(!self.read_log(&query).await?.is_empty())).await
    }

    /// Checks that runs which exhaust their memory end as out of memory.
    async fn check_memory_limit(&self) -> Result<()> {
        for (name, cmd) in MEMORY_EATER_JOBS {
            let run = self.run_job_to_end(name, cmd).await?;
            assert_eq!(run.end, Some(RunEnd::OutOfMemory), "{run:?}");
            assert!(run.peak_memory <= 512 << 20, "{run:?}");
            assert_eq!(run.reason.as_deref(), Some("it needed more than its 512Mi of memory"));
        }
        Ok(())
    }

    /// Checks that a run with a full disk fails with that reason.
    async fn check_disk_limit(&self) -> Result<()> {
        let run = self.run_job_to_end("fill", DISK_FILLER).await?;
        let reason = "it ended with status 1; it had filled its 256Mi of disk";
        assert_eq!((run.exit_code, run.reason.as_deref()), (Some(1), Some(reason)), "{run:?}");
        Ok(())
    }

    /// Creates a one-off job and returns its run after the end.
    async fn run_job_to_end(&self, name: &str, cmd: &str) -> Result<Run> {
        self.create_job(JobType::OneOff, name, cmd).await?;
        let job = name.parse()?;
        let runs = async || list_all_runs(self.client, &self.name, &job).await;
        wait_for("the run ends", async || Ok(runs().await?.iter().any(|run| run.end.is_some()))).await?;
        runs().await?.pop().ok_or_else(|| Error::internal("no run"))
    }

    async fn check_log_limit(&self) -> Result<()> {
        let query = LogsQuery { lines: Some(1), stream: Some(LogsStream::Note), ..LogsQuery::default() };
        let has_note = async || {
            let notes = self.read_log(&query).await?;
            Ok(notes.iter().any(|note| note.message.contains("lost") || note.message.contains("dropped")))
        };
        wait_for("the log has a note about lost lines", has_note).await
    }
}

/// Lists the ids of the running runs of these tools.
async fn list_active_runs(tools: &[ToolWithJob<'_>]) -> Result<Vec<String>> {
    let mut living = Vec::new();
    for tool in tools {
        let runs = tool.list_runs().await?.into_iter();
        living.extend(runs.filter(|run| run.state == RunState::Running).map(|run| run.id));
    }
    Ok(living)
}

/// Finds the control group of the container with a process that has these words in its command line.
fn find_control_group(hearth: &Hearth, words: &str) -> Result<Option<PathBuf>> {
    let running = |pid: &str| {
        fs::read(Path::new("/proc").join(pid).join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(words))
    };
    let contained = hearth.list_container_processes()?;
    let found = contained.iter().find_map(|line| {
        let (pid, group) = line.split_once(' ')?;
        let path = group.splitn(3, ':').last()?.trim_start_matches('/');
        running(pid).then(|| path.to_owned())
    });
    let Some(path) = found else { return Ok(None) };
    // Control groups v1 have a hierarchy for each controller.
    let folders = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(|mount| Path::new(mount).join(&path));
    Ok(folders.into_iter().find(|folder| folder.join("pids.max").exists()))
}

/// Reads the last number in a file.
fn read_number(path: &Path) -> Result<u64> {
    let text = fs::read_to_string(path).map_err(Error::internal)?;
    let last = text.split_whitespace().last().and_then(|number| number.parse().ok());
    last.ok_or_else(|| Error::internal(format!("no number in {}: {text}", path.display())))
}

async fn wait_for(condition: &str, is_true: impl AsyncFn() -> Result<bool>) -> Result<()> {
    wait_until_within(Duration::from_secs(100), condition, async || Ok(is_true().await?.then_some(()))).await
}
