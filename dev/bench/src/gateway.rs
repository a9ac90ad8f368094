//! Bench `gateway`: cost of a request at the gateway, compared with nginx as a plain proxy.

use std::time::Duration;

use hearth_base::{Error, Result, ToolName};
use hearth_testkit::{Hearth, HearthShape};
use hearth_wire::tools::ToolCreate;
use http::Method;

use crate::{
    durations::Durations,
    load::{self, LoadTarget},
    nginx::Nginx,
    proc::{self, to_megabytes},
    report::{BenchReport, Goal, ReportRow},
    upstream::UpstreamServer,
};

const CONNECTION_COUNT: usize = 32;
/// Number of rounds, and requests in each round: 20,000 in total.
const ROUND_COUNT: u32 = 10;
const REQUESTS_PER_ROUND: u32 = 2_000;

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("gateway");
    // As a separate process the gateway only proxies; another process answers.
    let split = GatewaySetup::start(HearthShape::SPLIT_ON_FILES).await?;
    let upstream = UpstreamServer::start(split.fetch_answer().await?).await?;
    let nginx = Nginx::start(upstream.address()).await?;
    let proxy = nginx.as_ref().map(|nginx| MeasuredServer {
        target: LoadTarget { address: nginx.address().to_owned(), ..split.server.target.clone() },
        pids: nginx.list_workers(),
    });
    let (door, plain) = measure_in_turns(&split.server, proxy.as_ref()).await?;
    let row = |what: &str, own: f64, other: fn(&RequestCost) -> f64, unit: &'static str| {
        let row = ReportRow::new(what, own, unit);
        plain.as_ref().map_or(ReportRow::new(what, own, unit), |plain| row.with_peer("nginx", other(plain)))
    };
    report.add_row(
        row("processor time of the gateway, for a request", door.cpu, |cost| cost.cpu, "µs")
            .with_goal(Goal::RatioAtMost(2.5)),
    );
    report.add_row(row(
        "median, gateway and service",
        door.times.median_millis(),
        |cost| cost.times.median_millis(),
        "ms",
    ));
    report.add_row(row(
        "p99, gateway and service",
        door.times.percentile_millis(99),
        |cost| cost.times.percentile_millis(99),
        "ms",
    ));
    report.add_row(ReportRow::new("growth of the gateway, first to last tenth", door.growth, "MB"));
    split.hearth.stop().await?;

    let together = GatewaySetup::start(HearthShape::TOGETHER_ON_FILES).await?;
    let (whole, _) = measure_in_turns(&together.server, None).await?;
    report.add_row(ReportRow::new("one process, processor time with the answer", whole.cpu, "µs"));
    report.add_row(ReportRow::new("one process, p99", whole.times.percentile_millis(99), "ms"));
    report.add_row(ReportRow::new("one process, growth", whole.growth, "MB"));
    together.hearth.stop().await?;
    if nginx.is_none() {
        report.add_note("nginx is not installed: apt-get install nginx-light");
    }
    report.add_note(format!(
        "{} requests each, {CONNECTION_COUNT} keep-alive connections",
        ROUND_COUNT * REQUESTS_PER_ROUND
    ));
    report.add_note(
        "the load generator runs on the same machine, so latencies include its share of the processors",
    );
    Ok(report)
}

/// Running Hearth with a tool, and the request that is measured.
struct GatewaySetup {
    hearth: Hearth,
    server: MeasuredServer,
    client: hearth_client::Client,
}

/// Measured server: the request, and its processes.
struct MeasuredServer {
    target: LoadTarget,
    pids: Vec<u32>,
}

/// Cost of requests.
struct RequestCost {
    /// Processor time of one request, in microseconds.
    cpu: f64,
    times: Durations,
    /// Growth of resident memory from the first to the last round, in MB.
    growth: f64,
}

impl GatewaySetup {
    async fn start(shape: HearthShape) -> Result<Self> {
        // One caller sends all requests.
        let hearth = Hearth::start_with(shape, "[gateway]\ncaller_requests = 100000000\n").await?;
        let operator = hearth.operator().await?;
        let tool: ToolName = "bench".parse()?;
        operator
            .client
            .tools()
            .create(&ToolCreate { name: tool.clone(), description: String::new() })
            .await?;
        let target = LoadTarget {
            address: hearth.url().trim_start_matches("http://").to_owned(),
            path: format!("/tools/v1/tool/{tool}"),
            authorization: format!("Bearer {}", operator.create_token(&[]).await?.expose_secret()),
        };
        let pids = hearth.door_pid().into_iter().collect();
        Ok(Self { hearth, server: MeasuredServer { target, pids }, client: operator.client })
    }

    /// Fetches the answer to the measured request.
    async fn fetch_answer(&self) -> Result<bytes::Bytes> {
        let call = self.client.build_call(Method::GET, &self.server.target.path);
        call.fetch_bytes().await.map(|(_, answer)| answer)
    }
}

/// Measures both servers in alternating rounds.
async fn measure_in_turns(
    first: &MeasuredServer,
    second: Option<&MeasuredServer>,
) -> Result<(RequestCost, Option<RequestCost>)> {
    let subjects: Vec<&MeasuredServer> = std::iter::once(first).chain(second).collect();
    for subject in &subjects {
        // Warm-up: one-time work must not count as a request's cost.
        load::run_load(&subject.target, CONNECTION_COUNT, REQUESTS_PER_ROUND as usize).await?;
    }
    let cpu = |subject: &&MeasuredServer| proc::read_cpu_time(&subject.pids);
    let before = subjects.iter().map(cpu).collect::<Result<Vec<Duration>>>()?;
    let mut times = vec![Vec::new(); subjects.len()];
    let mut sizes = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUND_COUNT {
        for (number, subject) in subjects.iter().enumerate() {
            times[number].extend(
                load::run_load(&subject.target, CONNECTION_COUNT, REQUESTS_PER_ROUND as usize).await?,
            );
            sizes[number].push(proc::read_memory(&subject.pids)?.resident);
        }
    }
    let mut costs = Vec::new();
    for (number, subject) in subjects.iter().enumerate() {
        let used = proc::read_cpu_time(&subject.pids)?.saturating_sub(before[number]);
        let size = |at: Option<&u64>| to_megabytes(at.copied().unwrap_or_default());
        costs.push(RequestCost {
            cpu: used.as_secs_f64() * 1e6 / f64::from(ROUND_COUNT * REQUESTS_PER_ROUND),
            times: Durations::new(std::mem::take(&mut times[number])),
            growth: size(sizes[number].last()) - size(sizes[number].first()),
        });
    }
    let mut costs = costs.into_iter();
    let door = costs.next().ok_or_else(|| Error::internal("nothing was measured"))?;
    Ok((door, costs.next()))
}
