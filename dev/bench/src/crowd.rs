//! Many tools with ten schedules each, in one service with a clock that is set and a runtime that starts nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hearth_base::{Access, Clock, Entropy, Error, Result, Role, SystemClock, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{config::Config, db::Db};
use hearth_runtime_api::{End, Phase, Runtime, engine::Pauses, fake::Fake};
use hearth_testkit::{
    Stand,
    neighbours::{Ears, play},
    until_within,
};
use hearth_wire::{
    jobs::{JobCreate, JobsQuery},
    tools::Quota,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// What the ten jobs of a tool are due at: as on Toolforge, most of them once a day.
pub const MIXED: [&str; 10] =
    ["@hourly", "@daily", "@daily", "@daily", "@daily", "@daily", "@daily", "@weekly", "@weekly", "@monthly"];
/// The same where all are due every hour.
pub const HOURLY: [&str; 10] = ["@hourly"; 10];

/// How many tools are made side by side.
const AT_ONCE: usize = 8;

/// Tools, their jobs and the service that runs them.
pub struct Crowd {
    stand: Stand,
    fake: Arc<Fake>,
    tools: Vec<(ToolId, ToolName)>,
    due: Vec<Fields>,
    started: usize,
    waker: Client,
    _folder: TempDir,
    _ending: JoinSet<()>,
}

/// The five fields of a schedule, each a number or any.
type Fields = [Option<i8>; 5];

impl Crowd {
    /// Nobody yet, on SQLite.
    pub async fn new() -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let db = Db::open_file(folder.path(), Role::Jobs).await?;
        let fake = Fake::new(Arc::new(SystemClock), Pauses::default());
        let runtime = Arc::clone(&fake) as Arc<dyn Runtime>;
        let mount = move |kit: &_| hearth_jobs::mount_on(kit, runtime);
        let mut stand = Stand::of(Role::Jobs, db, mount, Config::default(), Quota::default()).await?;
        play(&stand, &Ears::default());
        stand.start_workers();
        let (id, waker) = (tool_id(), "waker".parse()?);
        let waker = stand.member(id, &waker, Access::Write)?;
        let mut ending = JoinSet::new();
        ending.spawn(end_all(fake.clone()));
        let (tools, due) = (Vec::new(), Vec::new());
        Ok(Self { stand, fake, tools, due, started: 0, waker, _folder: folder, _ending: ending })
    }

    /// Adds tools until there are so many, each with ten jobs that are due as this says. How long the request for each
    /// job took.
    pub async fn grow(&mut self, tools: usize, due: &[&'static str; 10]) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        while self.tools.len() < tools {
            let mut made = JoinSet::new();
            for _ in 0..AT_ONCE.min(tools - self.tools.len()) {
                let (id, name) = (tool_id(), format!("tool{}", self.tools.len()).parse::<ToolName>()?);
                let client = self.stand.member(id, &name, Access::Write)?;
                made.spawn(make(client, name.clone(), *due));
                self.tools.push((id, name));
            }
            while let Some(jobs) = made.join_next().await {
                for (fields, time) in jobs.map_err(Error::internal)?? {
                    self.due.push(fields);
                    times.push(time);
                }
            }
        }
        Ok(times)
    }

    /// How many schedules there are.
    pub fn schedules(&self) -> usize {
        self.due.len()
    }

    /// Somebody of one of the tools.
    pub fn member(&self, number: usize) -> Result<(Client, ToolName)> {
        let tool = self.tools.get(number % self.tools.len().max(1));
        let (id, name) = tool.ok_or_else(|| Error::internal("there is no tool"))?;
        Ok((self.stand.member(*id, name, Access::Write)?, name.clone()))
    }

    /// Lets a minute pass. How long after it each job was started that was due in it; one that was not, or twice, is an
    /// error.
    pub async fn minute(&mut self) -> Result<Vec<Duration>> {
        self.stand.clock.advance(SignedDuration::from_mins(1));
        let time = self.stand.clock.now();
        let expected = self.started + self.due.iter().filter(|fields| is_due(fields, time)).count();
        let began = SystemClock.now();
        self.wake().await?;
        let played = until_within(Duration::from_secs(120), "all that is due has run", async || {
            let played = self.fake.played();
            let over = played.iter().filter(|played| played.outcome.is_some()).count();
            Ok((over >= expected).then_some(played))
        })
        .await?;
        let lags = played.iter().skip(self.started).filter_map(|played| played.outcome.as_ref()?.started);
        let lags: Vec<Duration> = lags
            .map(|started| Duration::try_from(started.duration_since(began)).unwrap_or_default())
            .collect();
        let (wanted, found) = (expected - self.started, played.len() - self.started);
        if found != wanted || lags.len() != wanted {
            return Err(Error::internal(format!("{found} runs began instead of {wanted}")));
        }
        self.started = expected;
        Ok(lags)
    }

    /// Has the scheduler look, which would wait for the real time otherwise: whatever is planned anew wakes it.
    async fn wake(&self) -> Result<()> {
        let name: ToolName = "waker".parse()?;
        let job = job("wake", "@yearly")?;
        self.waker.jobs().update(&name, &job).await?;
        self.waker.jobs().delete(&name, &job.name).await.map(drop)
    }
}

fn tool_id() -> ToolId {
    ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
}

/// A job of this name that is due as this says.
pub fn job(name: &str, due: &str) -> Result<JobCreate> {
    let schedule = Some(due.to_owned());
    Ok(JobCreate { schedule, ..JobCreate::new(name.parse()?, "python3.11", "./run") })
}

/// Makes the jobs of a tool, and says when each is due and how long the request took.
async fn make(client: Client, tool: ToolName, due: [&'static str; 10]) -> Result<Vec<(Fields, Duration)>> {
    let mut times = Vec::new();
    for (number, due) in due.iter().enumerate() {
        let began = Instant::now();
        client.jobs().create(&tool, &job(&format!("job{number}"), due)?).await?;
        times.push(began.elapsed());
    }
    let jobs = client.jobs().list(&tool, &JobsQuery::default()).await?;
    let fields = jobs.iter().map(|job| fields(job.schedule_actual.as_deref().unwrap_or_default()));
    fields.zip(times).map(|(fields, time)| Ok((fields?, time))).collect()
}

fn fields(text: &str) -> Result<Fields> {
    let mut fields = [None; 5];
    let mut words = text.split(' ');
    for field in &mut fields {
        *field = match words.next() {
            Some("*") => None,
            Some(number) => Some(number.parse().map_err(Error::internal)?),
            None => return Err(Error::internal(format!("{text:?} has no five fields"))),
        };
    }
    Ok(fields)
}

fn is_due(fields: &Fields, time: Timestamp) -> bool {
    let at = time.to_zoned(TimeZone::UTC);
    let now = [at.minute(), at.hour(), at.day(), at.month(), at.weekday().to_sunday_zero_offset()];
    fields.iter().zip(now).all(|(field, now)| field.is_none_or(|field| field == now))
}

/// Ends whatever runs, as soon as it does.
async fn end_all(fake: Arc<Fake>) {
    let mut cursor = None;
    while let Ok(seen) = fake.observe(cursor, Duration::from_secs(3600)).await {
        for workload in &seen.workloads {
            for instance in
                workload.instances.iter().filter(|instance| matches!(instance.phase, Phase::Running { .. }))
            {
                let _ended_already = fake.end(instance.id, End::Exited { code: 0 });
            }
        }
        cursor = Some(seen.cursor);
    }
}
