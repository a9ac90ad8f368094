//! Sleep of pages without visits, as `edge` reports them.

use hearth_base::{Entropy, ProcessInstanceId, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::jobs::{
    Job, JobCreate, JobsQuery,
    internal::{Route, RouteState, RoutesQuery},
    page_sleep::{PageActivity, PageActivityReport, PageWake},
};
use jiff::{SignedDuration, Timestamp};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    harness::{JobsHarness, build_one_off_job, job_name},
    routes::build_page_job,
};

/// A ready page `web` that sleeps after a minute, and its server.
struct SleepyPage {
    harness: JobsHarness,
    definition: JobCreate,
    _serving: JoinSet<()>,
}

impl SleepyPage {
    async fn start(db: Db) -> Result<Self> {
        let harness = JobsHarness::new(db).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut serving = JoinSet::new();
        serving.spawn(async move { drop(axum::serve(listener, axum::Router::new()).await) });
        let definition = JobCreate { sleep_after: Some(60), ..build_page_job("web", port) };
        harness.create(&definition).await?;
        let page = Self { harness, definition, _serving: serving };
        page.wait_for_route(RouteState::Ready).await?;
        Ok(page)
    }

    async fn read_route(&self) -> Result<Route> {
        let routes = self.harness.edge.jobs().list_routes(&RoutesQuery::default()).await?.routes;
        Ok(routes.into_iter().next().unwrap())
    }

    async fn wait_for_route(&self, state: RouteState) -> Result<Route> {
        wait_until("the route has the expected state", async || {
            Ok(Some(self.read_route().await?).filter(|route| route.state == state))
        })
        .await
    }

    /// Reports a visit that ended this many seconds ago, or none.
    async fn report(&self, edge: ProcessInstanceId, idle_seconds: Option<u32>) -> Result<()> {
        let page =
            |idle_seconds| PageActivity { tool: self.harness.tool_id, environment: None, idle_seconds };
        let pages = idle_seconds.map(page).into_iter().collect();
        let report = PageActivityReport { edge, pages, is_complete: true, is_last: false };
        self.harness.edge.jobs().report_page_activity(&report).await.map(drop)
    }

    async fn wake(&self) -> Result<()> {
        let wake = PageWake { tool: self.harness.tool_id, environment: None };
        self.harness.edge.jobs().wake_page(&wake).await.map(drop)
    }

    async fn show_job(&self) -> Result<Job> {
        let jobs = self.harness.maintainer.jobs();
        jobs.show(&self.harness.tool, &job_name("web"), &JobsQuery::default()).await
    }

    async fn is_asleep(&self) -> Result<bool> {
        Ok(self.show_job().await?.status.asleep.is_some())
    }

    fn advance(&self, seconds: i64) {
        self.harness.stand.advance_clock(SignedDuration::from_secs(seconds));
    }

    /// Lets the page fall asleep.
    async fn fall_asleep(&self, edge: ProcessInstanceId) -> Result<()> {
        self.advance(61);
        self.report_until_asleep(edge).await
    }

    /// Reports no visits until the page sleeps. A page whose job is being changed, such as by an observed container, is tried
    /// again after the next report.
    async fn report_until_asleep(&self, edge: ProcessInstanceId) -> Result<()> {
        wait_until("the page sleeps", async || {
            self.report(edge, None).await?;
            Ok(self.is_asleep().await?.then_some(()))
        })
        .await
    }
}

fn new_edge() -> ProcessInstanceId {
    ProcessInstanceId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
}

async fn page_without_visits_sleeps_until_the_next_visit(db: Db) -> Result<()> {
    let page = SleepyPage::start(db).await?;
    let (harness, edge) = (&page.harness, new_edge());
    let before = harness.maintainer.jobs().show_quota(&harness.tool).await?;
    page.advance(50);
    page.report(edge, Some(0)).await?;
    page.advance(50);
    page.report(edge, None).await?;
    assert!(!page.is_asleep().await?, "50 seconds have passed since its visit");
    page.advance(11);
    page.report_until_asleep(edge).await?;
    let job = page.show_job().await?;
    assert!(job.status.asleep.is_some() && job.status_short == "Asleep", "{job:?}");
    assert_eq!(job.status.paused, None);
    let route = page.read_route().await?;
    assert_eq!((route.state, route.targets.len()), (RouteState::Stopped, 0));
    assert!(route.sleep.is_some_and(|sleep| sleep.asleep && sleep.after == 60), "{route:?}");
    harness.wait_until("no container runs", async || Ok(harness.list_running().await.is_empty())).await?;
    // It can always wake, because it keeps its part of the quota.
    assert_eq!(harness.maintainer.jobs().show_quota(&harness.tool).await?, before);

    page.wake().await?;
    assert!(page.wait_for_route(RouteState::Ready).await?.sleep.is_some_and(|sleep| !sleep.asleep));
    // The visit that woke it counts.
    page.report(edge, None).await?;
    assert!(!page.is_asleep().await?);
    // A page that is awake is not restarted.
    let containers = harness.list_running().await;
    page.wake().await?;
    assert_eq!(harness.list_running().await, containers);
    page.fall_asleep(edge).await
}

async fn page_sleeps_only_when_every_edge_has_reported(db: Db) -> Result<()> {
    let page = SleepyPage::start(db).await?;
    let (one, two) = (new_edge(), new_edge());
    page.report(one, Some(0)).await?;
    page.report(two, None).await?;
    page.advance(61);
    page.report(one, None).await?;
    assert!(!page.is_asleep().await?, "the other edge may have visitors");
    // The newest visit counts, whatever order the reports come in.
    page.report(two, Some(5)).await?;
    page.report(one, Some(40)).await?;
    page.advance(30);
    page.report(one, None).await?;
    page.report(two, None).await?;
    assert!(!page.is_asleep().await?, "35 seconds have passed since its newest visit");
    // An edge that has stopped does not count, and one that says nothing is forgotten.
    let last = PageActivityReport { edge: two, pages: Vec::new(), is_complete: true, is_last: true };
    page.harness.edge.jobs().report_page_activity(&last).await?;
    page.fall_asleep(one).await?;
    page.wake().await?;
    page.wait_for_route(RouteState::Ready).await?;
    page.report(two, None).await?;
    page.advance(599);
    page.report(one, None).await?;
    assert!(!page.is_asleep().await?);
    page.advance(2);
    page.report_until_asleep(one).await
}

async fn change_restart_and_pause_end_the_sleep_of_a_page(db: Db) -> Result<()> {
    let page = SleepyPage::start(db).await?;
    let (harness, edge) = (&page.harness, new_edge());
    page.report(edge, None).await?;
    page.fall_asleep(edge).await?;
    let changed = JobCreate { cmd: "./other".to_owned(), ..page.definition.clone() };
    harness.maintainer.jobs().update(&harness.tool, &changed).await?;
    assert!(!page.is_asleep().await?);
    page.wait_for_route(RouteState::Ready).await?;
    page.fall_asleep(edge).await?;
    harness.maintainer.jobs().restart(&harness.tool, &job_name("web")).await?;
    assert!(!page.is_asleep().await?);
    page.wait_for_route(RouteState::Ready).await?;
    page.fall_asleep(edge).await?;
    let paused = harness.maintainer.jobs().pause(&harness.tool, &job_name("web")).await?;
    assert!(paused.status.paused.is_some() && paused.status.asleep.is_none(), "{paused:?}");
    // Only its maintainers resume a paused page.
    page.wake().await?;
    assert_eq!(page.read_route().await?.state, RouteState::Stopped);
    harness.maintainer.jobs().resume(&harness.tool, &job_name("web")).await?;
    page.wait_for_route(RouteState::Ready).await.map(drop)
}

async fn page_that_was_never_ready_does_not_sleep(db: Db) -> Result<()> {
    let page = SleepyPage::start(db).await?;
    let (harness, edge) = (&page.harness, new_edge());
    let unreachable = JobCreate { port: Some(1), ..page.definition.clone() };
    harness.maintainer.jobs().delete(&harness.tool, &job_name("web")).await?;
    harness.create(&unreachable).await?;
    page.advance(3600);
    page.report(edge, None).await?;
    assert!(!page.is_asleep().await?);
    Ok(())
}

async fn sleep_of_a_job_without_visits_is_refused(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let worker = JobCreate { continuous: Some(true), sleep_after: Some(60), ..build_one_off_job("worker") };
    assert_eq!(harness.create(&worker).await.unwrap_err().code(), "sleep");
    let one_off = JobCreate { sleep_after: Some(60), ..build_one_off_job("once") };
    assert_eq!(harness.create(&one_off).await.unwrap_err().code(), "job-type");
    for seconds in [9, 604_801] {
        let page = JobCreate { sleep_after: Some(seconds), ..build_page_job("web", 8000) };
        assert_eq!(harness.create(&page).await.unwrap_err().code(), "sleep", "{seconds}");
    }
    // 0 is the default: it never sleeps.
    let page = JobCreate { sleep_after: Some(0), ..build_page_job("web", 8000) };
    assert_eq!(harness.create(&page).await?.sleep_after, None);
    Ok(())
}

on_every_store!(
    page_without_visits_sleeps_until_the_next_visit,
    page_sleeps_only_when_every_edge_has_reported,
    change_restart_and_pause_end_the_sleep_of_a_page,
    page_that_was_never_ready_does_not_sleep,
    sleep_of_a_job_without_visits_is_refused,
);
