//! Bench `rollout`: deployments of images that exist: the plan, the first page, a rollback, and the requests that fail
//! while a loaded page is deployed, rolled back and scaled.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hearth_base::{Error, Result, ToolName};
use hearth_client::Client;
use hearth_testkit::{Hearth, HearthShape, TestImage, wait_until_within};
use hearth_wire::{
    components::{
        DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentPlanQuery,
        DeploymentQuery, DeploymentState,
    },
    jobs::ReplicasPut,
};
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    durations::Durations,
    report::{BenchReport, Goal, ReportRow},
};

const TOOL_NAME: &str = "pond";
/// Rate of the load, spread evenly over the connections.
const REQUESTS_PER_SECOND: u32 = 500;
const CONNECTION_COUNT: u32 = 50;
/// Repetitions of each measurement but the first deployment.
const REPEAT_COUNT: usize = 5;
/// Components of the planned configuration.
const PLANNED_COMPONENTS: usize = 20;
/// Time between two changes under load.
const CHANGE_PAUSE: Duration = Duration::from_secs(3);
const MAX_DEPLOYMENT_DURATION: Duration = Duration::from_secs(60);

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let operator = hearth.operator().await?;
    let tool = operator.create_tool(TOOL_NAME).await?;
    for text in ["first", "second"] {
        let command = json!(["busybox", "httpd", "-f", "-p", "8000", "-h", "/"]);
        let image = TestImage::from_busybox(&[("index.html", text)])?;
        let image = image.config(json!({"Env": ["PATH=/bin"], "Cmd": command}));
        image.push(&operator.client, &format!("tool-{TOOL_NAME}/web"), text).await?;
    }
    let address = hearth.url().trim_start_matches("http://").to_owned();
    let page = Page { client: operator.client.clone(), tool, address };

    let mut report = BenchReport::new("rollout");
    let seconds = |times: Vec<Duration>| Durations::new(times).median_millis() / 1000.0;
    let first = page.time_deployment(&build_image_deployment("first"), "first").await?;
    let what = "deploy of an image → first 200, its layers in the registry only";
    report.add_row(ReportRow::new(what, first.as_secs_f64(), "s").with_goal(Goal::AtMost(3.0)));
    page.time_deployment(&build_image_deployment("second"), "second").await?;
    let (mut deployed, mut rolled_back) = (Vec::new(), Vec::new());
    // Every round makes two revisions, and the one before the newest has the first image.
    for former in (1..).step_by(2).take(REPEAT_COUNT) {
        let back = DeploymentCreate { revision: Some(former), ..DeploymentCreate::default() };
        rolled_back.push(page.time_deployment(&back, "first").await?);
        deployed.push(page.time_deployment(&build_image_deployment("second"), "second").await?);
    }
    let what = "the same, its layers on the host, median";
    report.add_row(ReportRow::new(what, seconds(deployed), "s").with_goal(Goal::AtMost(0.5)));
    let what = "rollback → first answer of the former revision, median";
    report.add_row(ReportRow::new(what, seconds(rolled_back), "s").with_goal(Goal::AtMost(2.0)));
    let planned = Durations::new(page.time_plans().await?);
    let what = format!("plan of {PLANNED_COMPONENTS} components, median");
    report.add_row(ReportRow::new(what, planned.median_millis(), "ms").with_goal(Goal::AtMost(100.0)));
    page.add_load_rows(&mut report).await?;
    hearth.stop().await?;
    Ok(report)
}

/// Builds the deployment of an image of the tool.
fn build_image_deployment(tag: &str) -> DeploymentCreate {
    DeploymentCreate {
        source: Some(DeploySource::Image(format!("tool-{TOOL_NAME}/web:{tag}"))),
        ..DeploymentCreate::default()
    }
}

/// Connection to the page, which closes when it is dropped.
struct PageConnection {
    sender: SendRequest<Empty<Bytes>>,
    _task: JoinSet<()>,
}

/// Outcomes of the requests of a load.
#[derive(Debug, Default)]
struct LoadOutcome {
    times: Vec<Duration>,
    failures: Vec<String>,
}

/// Page of the tool, as its maintainer and its visitors use it.
struct Page {
    client: Client,
    tool: ToolName,
    /// `ADDRESS:PORT` of the page's server.
    address: String,
}

impl Page {
    /// Starts a deployment. Returns the time until the page has the text `expected`, after the deployment has ended.
    async fn time_deployment(&self, create: &DeploymentCreate, expected: &str) -> Result<Duration> {
        let began = Instant::now();
        let (seen, ended) = tokio::join!(self.wait_for_text(expected, began), self.deploy(create));
        ended?;
        seen
    }

    async fn deploy(&self, create: &DeploymentCreate) -> Result<Deployment> {
        let calls = self.client.components();
        let made = calls.create_deployment(&self.tool, create, &DeploymentCreateQuery::default()).await?;
        loop {
            let query = DeploymentQuery { wait: Some(25), after: None };
            let shown = calls.show(&self.tool, made.deploy_id, &query).await?;
            if shown.status == DeploymentState::Successful {
                return Ok(shown);
            }
            if shown.status.has_ended() {
                return Err(Error::internal(format!("the deployment ended: {}", shown.long_status)));
            }
        }
    }

    async fn wait_for_text(&self, expected: &str, began: Instant) -> Result<Duration> {
        wait_until_within(MAX_DEPLOYMENT_DURATION, "the page has the expected text", async || {
            let Ok(mut connection) = self.connect().await else { return Ok(None) };
            let fetched = self.fetch(&mut connection).await;
            Ok(fetched.is_ok_and(|body| body == expected.as_bytes()).then(|| began.elapsed()))
        })
        .await
    }

    async fn connect(&self) -> Result<PageConnection> {
        let stream = TcpStream::connect(&self.address).await.map_err(Error::internal)?;
        stream.set_nodelay(true).map_err(Error::internal)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::internal)?;
        let mut task = JoinSet::new();
        task.spawn(async move { drop(connection.await) });
        Ok(PageConnection { sender, _task: task })
    }

    /// Requests the page. Any status but 200 is an error.
    async fn fetch(&self, PageConnection { sender, .. }: &mut PageConnection) -> Result<Bytes> {
        let request = Request::get("/")
            .header(header::HOST, format!("{TOOL_NAME}.localhost"))
            .body(Empty::new())
            .map_err(Error::internal)?;
        sender.ready().await.map_err(Error::internal)?;
        let answer = sender.send_request(request).await.map_err(Error::internal)?;
        let status = answer.status();
        let content = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
        if status.is_success() { Ok(content) } else { Err(Error::internal(format!("status {status}"))) }
    }

    async fn time_plans(&self) -> Result<Vec<Duration>> {
        let component = |number: usize| {
            format!("  part{number}: {{image: 'tool-{TOOL_NAME}/web:first', command: ./part {number}}}\n")
        };
        let components: String = (0..PLANNED_COMPONENTS).map(component).collect();
        let config = Some(format!("config_version: hearth/v1\ncomponents:\n{components}"));
        let create = DeploymentCreate { config, ..DeploymentCreate::default() };
        let mut times = Vec::new();
        for _ in 0..REPEAT_COUNT {
            let began = Instant::now();
            self.client
                .components()
                .plan_deployment(&self.tool, &create, &DeploymentPlanQuery::default())
                .await?;
            times.push(began.elapsed());
        }
        Ok(times)
    }

    /// Deploys, rolls back and scales the page under load, and adds the results.
    async fn add_load_rows(&self, report: &mut BenchReport) -> Result<()> {
        let stop = AtomicBool::new(false);
        let changes = async {
            let changed = self.change_repeatedly().await;
            stop.store(true, Ordering::Relaxed);
            changed
        };
        let (changed, outcome) = tokio::join!(changes, self.run_load(&stop));
        changed?;
        let failures = outcome.failures;
        let row = ReportRow::new("failed requests", failures.len() as f64, "");
        report.add_row(row.with_goal(Goal::AtMost(0.0)));
        let times = Durations::new(outcome.times.clone());
        report.add_row(ReportRow::new(
            "duration of a request meanwhile, median",
            times.median_millis(),
            "ms",
        ));
        report.add_row(ReportRow::new("the same, p99", times.percentile_millis(99), "ms"));
        report.add_note(format!(
            "{} requests, {REQUESTS_PER_SECOND} in each second over {CONNECTION_COUNT} connections, during two deployments, \
             two rollbacks and two changes of the number of replicas",
            outcome.times.len() + failures.len()
        ));
        if let Some(failure) = failures.first() {
            report.add_note(format!("the first failure: {failure}"));
        }
        Ok(())
    }

    async fn change_repeatedly(&self) -> Result<()> {
        for replicas in [2, 1] {
            sleep(CHANGE_PAUSE).await;
            let deployed = self.deploy(&build_image_deployment("first")).await?;
            sleep(CHANGE_PAUSE).await;
            let former = deployed.revision.map(|revision| revision - 1);
            self.deploy(&DeploymentCreate { revision: former, ..DeploymentCreate::default() }).await?;
            sleep(CHANGE_PAUSE).await;
            self.client.jobs().scale_job(&self.tool, &"web".parse()?, ReplicasPut { replicas }).await?;
        }
        sleep(CHANGE_PAUSE).await;
        Ok(())
    }

    /// Requests the page at a constant rate until `stop` is set.
    async fn run_load(&self, stop: &AtomicBool) -> LoadOutcome {
        let connections = (0..CONNECTION_COUNT).map(|_| self.run_connection(stop));
        let outcomes = futures::future::join_all(connections).await;
        let mut all = LoadOutcome::default();
        for outcome in outcomes {
            all.times.extend(outcome.times);
            all.failures.extend(outcome.failures);
        }
        all
    }

    /// Sends the share of one connection, which is opened again after a failure.
    async fn run_connection(&self, stop: &AtomicBool) -> LoadOutcome {
        let mut outcome = LoadOutcome::default();
        let mut ticks = interval(Duration::from_secs(1) * CONNECTION_COUNT / REQUESTS_PER_SECOND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut open = None;
        while !stop.load(Ordering::Relaxed) {
            ticks.tick().await;
            let began = Instant::now();
            let fetched = match &mut open {
                Some(connection) => self.fetch(connection).await,
                none => match self.connect().await {
                    Ok(connection) => self.fetch(none.insert(connection)).await,
                    Err(error) => Err(error),
                },
            };
            match fetched {
                Ok(_) => outcome.times.push(began.elapsed()),
                Err(error) => {
                    open = None;
                    outcome.failures.push(format!("{error:?}"));
                }
            }
        }
        outcome
    }
}
