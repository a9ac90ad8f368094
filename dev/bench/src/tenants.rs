//! Bench `tenants`: latency of one tool's page, API and schedules while another tool or another address attacks.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use hearth_base::{Clock, Error, Result, SystemClock};
use hearth_testkit::{
    Hearth, HearthShape, Person, TestImage,
    attacks::{ATTACK_SETTINGS, Attack, AttackingAddress, AttackingTool, NeighborTool, RunningAttack},
    wait_until_within,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    durations::Durations,
    proc::{self, to_megabytes},
    report::{BenchReport, Goal, ReportRow},
};

/// Loopback address of the attacker.
const ATTACKER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 99, 0, 1));
/// Jobs of the neighbor that are due at each minute: samples of the delay in one minute.
const SCHEDULED_JOBS: usize = 10;
/// Pause between two measured requests.
const REQUEST_INTERVAL: Duration = Duration::from_millis(25);
/// Time before and after a due minute in which requests are measured.
const TIME_AROUND_DUE_MINUTE: SignedDuration = SignedDuration::from_secs(12);
/// Pause between two looks at the runs.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum time until the runs of a due minute have started.
const START_TIMEOUT: Duration = Duration::from_secs(40);
/// Allowed ratio of a latency under attack to the one at rest.
const MAX_LATENCY_RATIO: f64 = 2.0;
/// Percentiles that are reported.
const REPORTED_PERCENTILES: [(usize, &str); 2] = [(50, "median"), (95, "p95")];

/// Runs the bench for these attacks; without names, for all of them.
pub async fn run(names: &[&str]) -> Result<BenchReport> {
    let unknown = names.iter().find(|name| Attack::list_all().all(|attack| attack.to_string() != **name));
    if let Some(unknown) = unknown {
        let all = Attack::list_all().map(|attack| attack.to_string()).collect::<Vec<_>>().join(", ");
        return Err(Error::not_found("attack", unknown).help(format!("the attacks are {all}")));
    }
    let is_chosen = |attack: &Attack| names.is_empty() || names.contains(&attack.to_string().as_str());
    let setup = TenantsSetup::start().await?;
    let mut report = BenchReport::new("tenants");
    let at_rest = setup.measure().await?;
    at_rest.report_alone(&mut report);
    for attack in Attack::list_all().filter(is_chosen) {
        let running = setup.begin(attack).await?;
        let attacked = setup.measure().await?;
        drop(running);
        setup.tool.clean_up().await?;
        attacked.report_beside(&mut report, attack, &at_rest);
    }
    report.add_note(format!(
        "page and API: {} and more samples of each; schedules: {SCHEDULED_JOBS} jobs due at the same minute",
        at_rest.page.len()
    ));
    report.add_note("the attacker and the measured client run on the same machine and share its processors");
    setup.stop().await?;
    Ok(report)
}

/// A Hearth with a neighbor and an attacker.
struct TenantsSetup {
    hearth: Hearth,
    neighbor: NeighborTool,
    address: AttackingAddress,
    tool: AttackingTool,
}

/// Latencies of the neighbor in one period.
struct NeighborLatencies {
    page: Vec<Duration>,
    api: Vec<Duration>,
    schedule: Vec<Duration>,
    /// Highest resident memory of Hearth's processes, in bytes.
    memory: u64,
}

impl TenantsSetup {
    async fn start() -> Result<Self> {
        let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, ATTACK_SETTINGS).await?;
        let operator: Person = hearth.operator().await?;
        TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
        let address = AttackingAddress::new(&hearth, ATTACKER_ADDRESS)?;
        let neighbor = NeighborTool::create(&hearth, &operator, SCHEDULED_JOBS).await?;
        let tool = AttackingTool::create(&hearth, &operator, address).await?;
        Ok(Self { hearth, neighbor, address, tool })
    }

    async fn begin(&self, attack: Attack) -> Result<RunningAttack> {
        match Attack::BY_TOOL.contains(&attack) {
            true => self.tool.begin(attack).await,
            false => self.address.begin(attack, NeighborTool::OWNER_NAME).await,
        }
    }

    /// Measures requests around the next full minute, and the delays of the runs that are due then.
    async fn measure(&self) -> Result<NeighborLatencies> {
        let due = find_next_minute(
            SystemClock.now().saturating_add(TIME_AROUND_DUE_MINUTE).map_err(Error::internal)?,
        )?;
        let begin = due.saturating_sub(TIME_AROUND_DUE_MINUTE).map_err(Error::internal)?;
        let end = due.saturating_add(TIME_AROUND_DUE_MINUTE).map_err(Error::internal)?;
        let wait = Duration::try_from(begin.duration_since(SystemClock.now())).unwrap_or_default();
        tokio::time::sleep(wait).await;
        let (mut page, mut api, mut memory) = (Vec::new(), Vec::new(), 0);
        while SystemClock.now() < end {
            let began = Instant::now();
            self.neighbor.visit_page().await?;
            page.push(began.elapsed());
            let began = Instant::now();
            self.neighbor.list_jobs().await?;
            api.push(began.elapsed());
            if page.len() % 20 == 0 {
                memory = memory.max(proc::read_memory(&self.hearth.list_pids())?.resident);
            }
            tokio::time::sleep(REQUEST_INTERVAL).await;
        }
        let before_due = due.saturating_sub(SignedDuration::from_secs(1)).map_err(Error::internal)?;
        let schedule = wait_until_within(START_TIMEOUT, "all due runs have started", async || {
            // Slower than the rate limit of a caller.
            tokio::time::sleep(POLL_INTERVAL).await;
            let delays = self.neighbor.list_schedule_delays(before_due).await?;
            Ok((delays.len() >= SCHEDULED_JOBS).then_some(delays))
        })
        .await?;
        Ok(NeighborLatencies { page, api, schedule, memory })
    }

    async fn stop(self) -> Result<()> {
        self.tool.stop().await?;
        self.neighbor.stop().await?;
        self.hearth.stop().await
    }
}

impl NeighborLatencies {
    fn list_measures(&self) -> [(&'static str, &[Duration]); 3] {
        [("page", &self.page), ("API", &self.api), ("schedule", &self.schedule)]
    }

    /// Reports the latencies at rest.
    fn report_alone(&self, report: &mut BenchReport) {
        for (what, times) in self.list_measures() {
            let times = Durations::new(times.to_vec());
            for (percent, name) in REPORTED_PERCENTILES {
                let measure = format!("at rest: {what}, {name}");
                report.add_row(ReportRow::new(measure, times.percentile_millis(percent), "ms"));
            }
        }
        report.add_row(ReportRow::new("at rest: memory of the services", to_megabytes(self.memory), "MB"));
    }

    /// Reports the latencies during an attack, beside those at rest.
    fn report_beside(&self, report: &mut BenchReport, attack: Attack, at_rest: &Self) {
        for ((what, times), (_, usual)) in self.list_measures().into_iter().zip(at_rest.list_measures()) {
            let (times, usual) = (Durations::new(times.to_vec()), Durations::new(usual.to_vec()));
            for (percent, name) in REPORTED_PERCENTILES {
                let row = ReportRow::new(
                    format!("{attack}: {what}, {name}"),
                    times.percentile_millis(percent),
                    "ms",
                );
                let row = row.with_peer("at rest", usual.percentile_millis(percent));
                report.add_row(row.with_goal(Goal::RatioAtMost(MAX_LATENCY_RATIO)));
            }
        }
        let row =
            ReportRow::new(format!("{attack}: memory of the services"), to_megabytes(self.memory), "MB");
        report.add_row(row.with_peer("at rest", to_megabytes(at_rest.memory)));
    }
}

/// Finds the first full minute after `time`.
fn find_next_minute(time: Timestamp) -> Result<Timestamp> {
    let seconds = time.as_second() / 60 * 60 + 60;
    Timestamp::from_second(seconds).map_err(Error::internal)
}
