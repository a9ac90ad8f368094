//! Test set-up with many tools of ten scheduled jobs each, in one jobs service with a manual clock and a fake
//! runtime.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hearth_base::{Access, Clock, Entropy, Error, Result, Role, SystemClock, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_runtime_api::{Phase, Runtime, Termination, engine::RestartBackoff, fake::FakeRuntime};
use hearth_testkit::{
    ServiceStand,
    fake_services::{FakeServices, mount_fake_services},
    wait_until_within,
};
use hearth_wire::{
    jobs::{JobCreate, JobsQuery},
    tools::Quota,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Schedules of a tool's ten jobs, distributed as on Toolforge: most run once a day.
pub const MIXED_SCHEDULES: [&str; 10] =
    ["@hourly", "@daily", "@daily", "@daily", "@daily", "@daily", "@daily", "@weekly", "@weekly", "@monthly"];
/// Schedules of a tool's ten jobs that all run every hour.
pub const HOURLY_SCHEDULES: [&str; 10] = ["@hourly"; 10];

/// Number of tools that are created concurrently.
const CONCURRENT_CREATIONS: usize = 8;

/// Tools, their jobs and the service that schedules them.
pub struct ToolFleet {
    stand: ServiceStand,
    fake: Arc<FakeRuntime>,
    tools: Vec<(ToolId, ToolName)>,
    due: Vec<ScheduleFields>,
    started: usize,
    waker: Client,
    _folder: TempDir,
    _ending: JoinSet<()>,
}

/// Five fields of a schedule, each a number, or `None` for any.
type ScheduleFields = [Option<i8>; 5];

impl ToolFleet {
    /// Starts the service on SQLite, without tools.
    pub async fn new() -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let db = Db::open_file(folder.path(), Role::Jobs).await?;
        let fake = FakeRuntime::new(Arc::new(SystemClock), RestartBackoff::default());
        let runtime = Arc::clone(&fake) as Arc<dyn Runtime>;
        let mount = move |kit: &_| hearth_jobs::mount_on(kit, runtime);
        let mut stand =
            ServiceStand::start_service(Role::Jobs, db, mount, HearthConfig::default(), Quota::default())
                .await?;
        mount_fake_services(&stand, &FakeServices::default());
        stand.start_workers();
        let (id, waker) = (new_tool_id(), "waker".parse()?);
        let waker = stand.member(id, &waker, Access::Write)?;
        let mut ending = JoinSet::new();
        ending.spawn(end_running_containers(fake.clone()));
        let (tools, due) = (Vec::new(), Vec::new());
        Ok(Self { stand, fake, tools, due, started: 0, waker, _folder: folder, _ending: ending })
    }

    /// Creates tools up to the number `tools`, each with ten jobs with the schedules `due`. Returns the
    /// duration of each request that created a job.
    pub async fn add_tools(&mut self, tools: usize, due: &[&'static str; 10]) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        while self.tools.len() < tools {
            let mut creations = JoinSet::new();
            for _ in 0..CONCURRENT_CREATIONS.min(tools - self.tools.len()) {
                let (id, name) = (new_tool_id(), format!("tool{}", self.tools.len()).parse::<ToolName>()?);
                let client = self.stand.member(id, &name, Access::Write)?;
                creations.spawn(create_jobs(client, name.clone(), *due));
                self.tools.push((id, name));
            }
            while let Some(jobs) = creations.join_next().await {
                for (fields, time) in jobs.map_err(Error::internal)?? {
                    self.due.push(fields);
                    times.push(time);
                }
            }
        }
        Ok(times)
    }

    /// Number of schedules.
    pub fn count_schedules(&self) -> usize {
        self.due.len()
    }

    /// Client of a member of one of the tools, and the tool's name.
    pub fn member_client(&self, number: usize) -> Result<(Client, ToolName)> {
        let tool = self.tools.get(number % self.tools.len().max(1));
        let (id, name) = tool.ok_or_else(|| Error::internal("there is no tool"))?;
        Ok((self.stand.member(*id, name, Access::Write)?, name.clone()))
    }

    /// Advances the clock by one minute and waits until all due jobs have run. Returns the delay of each
    /// start. A due job that did not start exactly once is an error.
    pub async fn run_minute(&mut self) -> Result<Vec<Duration>> {
        self.stand.clock.advance_by(SignedDuration::from_mins(1));
        let time = self.stand.clock.now();
        let expected = self.started + self.due.iter().filter(|fields| is_due(fields, time)).count();
        let began = SystemClock.now();
        self.wake_scheduler().await?;
        let started = wait_until_within(Duration::from_secs(120), "all due jobs have run", async || {
            let started = self.fake.list_started();
            let ended = started.iter().filter(|started| started.outcome.is_some()).count();
            Ok((ended >= expected).then_some(started))
        })
        .await?;
        let lags = started.iter().skip(self.started).filter_map(|started| started.outcome.as_ref()?.started);
        let lags: Vec<Duration> = lags
            .map(|started| Duration::try_from(started.duration_since(began)).unwrap_or_default())
            .collect();
        let (expected_count, started_count) = (expected - self.started, started.len() - self.started);
        if started_count != expected_count || lags.len() != expected_count {
            return Err(Error::internal(format!("{started_count} runs started instead of {expected_count}")));
        }
        self.started = expected;
        Ok(lags)
    }

    /// Wakes the scheduler by a changed schedule. Otherwise it would wait for the real time.
    async fn wake_scheduler(&self) -> Result<()> {
        let name: ToolName = "waker".parse()?;
        let job = build_job("wake", "@yearly")?;
        self.waker.jobs().update(&name, &job).await?;
        self.waker.jobs().delete(&name, &job.name).await.map(drop)
    }
}

fn new_tool_id() -> ToolId {
    ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
}

/// Builds a job with the schedule `due`.
pub fn build_job(name: &str, due: &str) -> Result<JobCreate> {
    let schedule = Some(due.to_owned());
    Ok(JobCreate { schedule, ..JobCreate::new(name.parse()?, "python3.11", "./run") })
}

/// Creates the jobs of a tool. Returns each job's schedule and the duration of its request.
async fn create_jobs(
    client: Client,
    tool: ToolName,
    due: [&'static str; 10],
) -> Result<Vec<(ScheduleFields, Duration)>> {
    let mut times = Vec::new();
    for (number, due) in due.iter().enumerate() {
        let began = Instant::now();
        client.jobs().create(&tool, &build_job(&format!("job{number}"), due)?).await?;
        times.push(began.elapsed());
    }
    let jobs = client.jobs().list(&tool, &JobsQuery::default()).await?;
    let fields = jobs.iter().map(|job| parse_fields(job.schedule_actual.as_deref().unwrap_or_default()));
    fields.zip(times).map(|(fields, time)| Ok((fields?, time))).collect()
}

fn parse_fields(text: &str) -> Result<ScheduleFields> {
    let mut fields = [None; 5];
    let mut words = text.split(' ');
    for field in &mut fields {
        *field = match words.next() {
            Some("*") => None,
            Some(number) => Some(number.parse().map_err(Error::internal)?),
            None => return Err(Error::internal(format!("the schedule does not have five fields: {text:?}"))),
        };
    }
    Ok(fields)
}

fn is_due(fields: &ScheduleFields, time: Timestamp) -> bool {
    let at = time.to_zoned(TimeZone::UTC);
    let now = [at.minute(), at.hour(), at.day(), at.month(), at.weekday().to_sunday_zero_offset()];
    fields.iter().zip(now).all(|(field, now)| field.is_none_or(|field| field == now))
}

/// Ends each container of the fake runtime as soon as it runs.
async fn end_running_containers(fake: Arc<FakeRuntime>) {
    let mut cursor = None;
    while let Ok(seen) = fake.observe_workloads(cursor, Duration::from_secs(3600)).await {
        for workload in &seen.workloads {
            for instance in
                workload.instances.iter().filter(|instance| matches!(instance.phase, Phase::Running { .. }))
            {
                let _ended_already = fake.end_instance(instance.id, Termination::Exited { code: 0 });
            }
        }
        cursor = Some(seen.cursor);
    }
}
