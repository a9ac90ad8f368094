//! What a request costs at the door, beside a plain proxy.

use std::time::Duration;

use hearth_base::{Error, Result, ToolName};
use hearth_testkit::{Hearth, Shape};
use hearth_wire::tools::ToolCreate;
use http::Method;

use crate::{
    load::{self, Target},
    nginx::Nginx,
    proc::{self, mb},
    report::{Goal, Report, Row},
    times::Times,
    upstream::Upstream,
};

const CONNECTIONS: usize = 32;
/// How many turns each has, and how many requests in one: 20,000 in all.
const TURNS: u32 = 10;
const REQUESTS: u32 = 2_000;

/// Measures it.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("gateway");
    // With a process of its own, the door does what a proxy does and no more: another process answers.
    let split = Stage::set(Shape::SPLIT_ON_FILES).await?;
    let upstream = Upstream::start(split.answer().await?).await?;
    let nginx = Nginx::start(upstream.place()).await?;
    let proxy = nginx.as_ref().map(|nginx| Subject {
        target: Target { place: nginx.place().to_owned(), ..split.subject.target.clone() },
        pids: nginx.workers(),
    });
    let (door, plain) = measure(&split.subject, proxy.as_ref()).await?;
    let row = |what: &str, own: f64, other: fn(&Cost) -> f64, unit: &'static str| {
        let row = Row::new(what, own, unit);
        plain.as_ref().map_or(Row::new(what, own, unit), |plain| row.beside("nginx", other(plain)))
    };
    report.row(
        row("processor time of the door, for a request", door.cpu, |cost| cost.cpu, "µs")
            .goal(Goal::TimesBeside(2.0)),
    );
    report.row(row("median, door and service", door.times.median(), |cost| cost.times.median(), "ms"));
    report.row(row(
        "p99, door and service",
        door.times.percentile(99),
        |cost| cost.times.percentile(99),
        "ms",
    ));
    report.row(Row::new("growth of the door, first to last tenth", door.growth, "MB"));
    split.hearth.stop().await?;

    let together = Stage::set(Shape::TOGETHER_ON_FILES).await?;
    let (whole, _) = measure(&together.subject, None).await?;
    report.row(Row::new("one process, processor time with the answer", whole.cpu, "µs"));
    report.row(Row::new("one process, p99", whole.times.percentile(99), "ms"));
    report.row(Row::new("one process, growth", whole.growth, "MB"));
    together.hearth.stop().await?;
    if nginx.is_none() {
        report.note("nginx is not there: apt-get install nginx-light");
    }
    report.note(format!("{} requests each, {CONNECTIONS} connections that are kept", TURNS * REQUESTS));
    report.note("the load comes from the same machine, so that times are longer than the work takes");
    Ok(report)
}

/// A Hearth with a tool, and how to ask for it.
struct Stage {
    hearth: Hearth,
    subject: Subject,
    client: hearth_client::Client,
}

/// What is measured.
struct Subject {
    target: Target,
    pids: Vec<u32>,
}

/// What requests cost.
struct Cost {
    /// Processor time of one, in microseconds.
    cpu: f64,
    times: Times,
    /// How much larger it was after the last turn than after the first, in MB.
    growth: f64,
}

impl Stage {
    async fn set(shape: Shape) -> Result<Self> {
        let hearth = Hearth::start(shape).await?;
        let operator = hearth.operator().await?;
        let tool: ToolName = "bench".parse()?;
        operator
            .client
            .tools()
            .create(&ToolCreate { name: tool.clone(), description: String::new() })
            .await?;
        let target = Target {
            place: hearth.url().trim_start_matches("http://").to_owned(),
            path: format!("/tools/v1/tool/{tool}"),
            authorization: format!("Bearer {}", operator.token(&[]).await?.reveal()),
        };
        let pids = hearth.door_pid().into_iter().collect();
        Ok(Self { hearth, subject: Subject { target, pids }, client: operator.client })
    }

    /// What the request is answered.
    async fn answer(&self) -> Result<bytes::Bytes> {
        let call = self.client.call(Method::GET, &self.subject.target.path);
        call.bytes().await.map(|(_, answer)| answer)
    }
}

/// Lets both take turns.
async fn measure(first: &Subject, second: Option<&Subject>) -> Result<(Cost, Option<Cost>)> {
    let subjects: Vec<&Subject> = std::iter::once(first).chain(second).collect();
    for subject in &subjects {
        // What is done once is no request's cost.
        load::run(&subject.target, CONNECTIONS, REQUESTS as usize).await?;
    }
    let cpu = |subject: &&Subject| proc::cpu(&subject.pids);
    let before = subjects.iter().map(cpu).collect::<Result<Vec<Duration>>>()?;
    let mut times = vec![Vec::new(); subjects.len()];
    let mut sizes = vec![Vec::new(); subjects.len()];
    for _ in 0..TURNS {
        for (number, subject) in subjects.iter().enumerate() {
            times[number].extend(load::run(&subject.target, CONNECTIONS, REQUESTS as usize).await?);
            sizes[number].push(proc::memory(&subject.pids)?.resident);
        }
    }
    let mut costs = Vec::new();
    for (number, subject) in subjects.iter().enumerate() {
        let used = proc::cpu(&subject.pids)?.saturating_sub(before[number]);
        let size = |at: Option<&u64>| mb(at.copied().unwrap_or_default());
        costs.push(Cost {
            cpu: used.as_secs_f64() * 1e6 / f64::from(TURNS * REQUESTS),
            times: Times::new(std::mem::take(&mut times[number])),
            growth: size(sizes[number].last()) - size(sizes[number].first()),
        });
    }
    let mut costs = costs.into_iter();
    let door = costs.next().ok_or_else(|| Error::internal("nothing was measured"))?;
    Ok((door, costs.next()))
}
