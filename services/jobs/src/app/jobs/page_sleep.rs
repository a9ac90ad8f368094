//! Sleep of pages: a published job without visits has no containers until the next visit.
//!
//! A page falls asleep when every known process of `edge` has reported, and none of them has seen a visit since
//! `sleep_after` before the oldest of these reports. A process that has not reported for [`EDGE_FORGOTTEN_AFTER`] does
//! not count any more; without any process, no page falls asleep.
//!
//! | page | its sleep |
//! |---|---|
//! | ready, visited or changed less than `sleep_after` ago | stays awake |
//! | ready, neither visited nor changed for `sleep_after` | falls asleep |
//! | starting, paused | stays as it is: a page that never was ready is not hidden by sleep |
//! | asleep | wakes by a visit, a change, a deployment or a restart |

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use hearth_kit::log_error;
use hearth_wire::jobs::{
    internal::RouteState,
    page_sleep::{PageActivityReport, PageWake},
};
use jiff::{SignedDuration, Timestamp};

use super::restart;
use crate::{
    app::{
        definition::{ToolScope, plan},
        routing,
        workloads::launch,
    },
    context::JobsContext,
    store::{Job, JobId, JobKind, JobPage},
};

/// Time without a report after which a process of `edge` does not count any more.
const EDGE_FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// Number of pages per query.
const PAGES_PER_QUERY: u64 = 500;

/// Records the visits that a process of `edge` has seen, and lets pages without visits fall asleep. `too-many-pages`
/// (invalid) for a report above the limit.
pub async fn record_page_activity(cx: &JobsContext, report: PageActivityReport) -> Result<()> {
    let PageActivityReport { edge, pages, is_complete, is_last } = report;
    if pages.len() > PageActivityReport::MAX_PAGES {
        let most = PageActivityReport::MAX_PAGES;
        let what = format!("the report has too many pages: {}; at most {most}", pages.len());
        return Err(Error::invalid("too-many-pages", what).help("send it in several parts"));
    }
    let now = cx.now();
    let known = cx.store.list_pages_with_sleep(pages.iter().map(|page| page.tool)).await?;
    let mut visits = BTreeMap::new();
    for page in &pages {
        let is_visited = |job: &&Job| {
            let environment = job.page.as_ref().and_then(JobPage::find_environment);
            job.tool == page.tool && job.page.is_some() && environment == page.environment.as_ref()
        };
        if let Some(job) = known.iter().find(is_visited) {
            visits.insert(job.id, now - SignedDuration::from_secs(page.idle_seconds.into()));
        }
    }
    let tx = cx.store.begin_background().await?;
    cx.store.record_visits(&tx, &visits).await?;
    match (is_last, is_complete) {
        (true, _) => cx.store.delete_edge_report(&tx, edge).await?,
        (false, true) => cx.store.record_edge_report(&tx, edge, now).await?,
        (false, false) => {}
    }
    cx.store.delete_old_edge_reports(&tx, now - EDGE_FORGOTTEN_AFTER).await?;
    tx.commit().await?;
    if is_complete { put_idle_pages_to_sleep(cx).await } else { Ok(()) }
}

/// Lets all pages fall asleep that no process of `edge` has seen visits of. A page whose job cannot be changed now is tried
/// again after the next report.
async fn put_idle_pages_to_sleep(cx: &JobsContext) -> Result<()> {
    let Some(reported_until) = cx.store.find_oldest_edge_report().await? else { return Ok(()) };
    let mut after = None;
    loop {
        let jobs = cx.store.list_awake_pages_after(after, PAGES_PER_QUERY).await?;
        let Some(last) = jobs.last() else { return Ok(()) };
        after = Some(last.id);
        let visits = cx.store.find_visits(jobs.iter().map(|job| job.id)).await?;
        for job in jobs.iter().filter(|job| is_idle(job, visits.get(&job.id).copied(), reported_until)) {
            if let Err(error) = put_to_sleep(cx, job.id, reported_until).await {
                log_error!(&error, job = %job.name, "page not put to sleep; will retry");
            }
        }
    }
}

/// Returns whether a page was neither visited nor changed for its time, as far as all processes of `edge` have reported.
fn is_idle(job: &Job, last_visit: Option<Timestamp>, reported_until: Timestamp) -> bool {
    let Some(seconds) = job.spec.sleep_seconds() else { return false };
    let busy_until = last_visit.map_or(job.changed, |visit| visit.max(job.changed));
    job.is_awake() && reported_until.duration_since(busy_until) >= SignedDuration::from_secs(seconds.into())
}

async fn put_to_sleep(cx: &JobsContext, id: JobId, reported_until: Timestamp) -> Result<()> {
    let Some(tool) = cx.store.find_job_by_id(id).await?.map(|job| job.tool) else { return Ok(()) };
    let tx = cx.store.begin_background().await?;
    let Some(name) = cx.store.lock_tool_name(&tx, tool).await? else { return Ok(()) };
    let Some(mut job) = cx.store.find_job_by_id_for_update(&tx, id).await? else { return Ok(()) };
    let routes = cx.store.list_tool_routes_in(&tx, tool).await?;
    let environment = job.page.as_ref().and_then(JobPage::find_environment).cloned();
    let is_ready = routes.get(&environment).is_some_and(|route| route.state == RouteState::Ready);
    // Checked again under the lock: a visit or a change may have come meanwhile.
    if !is_ready || !is_idle(&job, cx.store.find_visit_in(&tx, id).await?, reported_until) {
        return Ok(());
    }
    job.asleep = Some(cx.now());
    apply_sleep_change(cx, &tx, ToolScope { tool, name: &name }, &mut job).await?;
    tx.commit().await?;
    tracing::info!(tool = %name, job = %job.name, "page put to sleep");
    Ok(())
}

/// Wakes a sleeping page. A page that does not sleep, or does not exist any more, is left as it is.
pub async fn wake_page(cx: &JobsContext, page: PageWake) -> Result<()> {
    let PageWake { tool, environment } = page;
    let tx = cx.store.begin().await?;
    let Some(name) = cx.store.lock_tool_name(&tx, tool).await? else { return Ok(()) };
    let pages = cx.store.list_page_jobs_in(&tx, tool).await?;
    let is_wanted =
        |job: &&Job| job.page.as_ref().and_then(JobPage::find_environment) == environment.as_ref();
    let Some(found) = pages.iter().find(is_wanted).map(|job| job.id) else { return Ok(()) };
    let Some(mut job) = cx.store.find_job_by_id_for_update(&tx, found).await? else { return Ok(()) };
    if job.asleep.take().is_none() {
        return Ok(());
    }
    let scope = ToolScope { tool, name: &name };
    // The visitor is held until the page is ready, and counts from now on.
    cx.store.record_visits(&tx, &BTreeMap::from([(job.id, cx.now())])).await?;
    apply_sleep_change(cx, &tx, scope, &mut job).await?;
    tx.commit().await?;
    tracing::info!(tool = %name, job = %job.name, "page woken");
    if job.spec.auto_update == Some(true) && job.newer_image.is_some() {
        restart::restart(cx, scope, &job.name).await?;
    }
    Ok(())
}

/// Stores a job that fell asleep or wakes, and changes its set and its route.
async fn apply_sleep_change(
    cx: &JobsContext,
    tx: &hearth_kit::db::Tx,
    scope: ToolScope<'_>,
    job: &mut Job,
) -> Result<()> {
    let JobKind::Continuous(set) = job.kind else { return Ok(()) };
    job.generation += 1;
    let plan = plan::build_plan(&job.spec, scope.name, &job.image, job.restart, &cx.settings)?;
    launch::launch_set(cx, tx, job, set, plan).await?;
    cx.store.update_job(tx, job).await?;
    routing::update_routes(cx, tx, scope.tool, Some(scope.name)).await
}
