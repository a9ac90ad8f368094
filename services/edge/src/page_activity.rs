//! Visits of pages that sleep without them, and their reports to `jobs`.
//!
//! A visit changes a map in memory only. One report every few seconds tells `jobs` the last visit of each page; an
//! open connection counts as a visit at the time of the report.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hearth_base::{Result, Role};
use hearth_kit::{Worker, log_error, tasks::ShutdownSignal};
use hearth_wire::jobs::page_sleep::{PageActivity, PageActivityReport};
use tokio::time::{Instant, sleep, timeout};

use crate::{Edge, route_map::PageKey};

/// The time between two reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(PageActivityReport::INTERVAL_SECONDS as u64);
/// Time limit of the last report, when the process stops.
const LAST_REPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// Visits of pages since the last report.
#[derive(Debug, Default, Clone)]
pub struct PageVisits(Arc<Mutex<BTreeMap<PageKey, PageVisit>>>);

#[derive(Debug, Clone, Copy)]
struct PageVisit {
    /// Number of requests and upgraded connections that are open.
    open: usize,
    last_at: Instant,
    is_reported: bool,
}

/// An open visit of a page. It ends when it is dropped.
#[derive(Debug)]
pub struct OpenVisit {
    visits: PageVisits,
    page: PageKey,
}

impl PageVisits {
    /// Records the start of a visit.
    pub fn open_visit(&self, page: PageKey) -> OpenVisit {
        self.change_visit(&page, |visit| visit.open += 1);
        OpenVisit { visits: self.clone(), page }
    }

    fn change_visit(&self, page: &PageKey, change: impl FnOnce(&mut PageVisit)) {
        let new = || PageVisit { open: 0, last_at: Instant::now(), is_reported: false };
        let mut visits = self.lock_visits();
        let visit = visits.entry(page.clone()).or_insert_with(new);
        (visit.last_at, visit.is_reported) = (Instant::now(), false);
        change(visit);
    }

    /// Lists the pages with visits since the last report, and those with open ones.
    fn list_unreported(&self) -> Vec<PageActivity> {
        let now = Instant::now();
        let visits = self.lock_visits();
        let unreported = visits.iter().filter(|(_, visit)| visit.open > 0 || !visit.is_reported);
        let activities = unreported.map(|((tool, environment), visit)| PageActivity {
            tool: *tool,
            environment: environment.clone(),
            idle_seconds: match visit.open {
                0 => u32::try_from((now - visit.last_at).as_secs()).unwrap_or(u32::MAX),
                _ => 0,
            },
        });
        activities.collect()
    }

    /// Forgets ended visits that `jobs` knows. One that began after `reported_at` stays.
    fn mark_reported(&self, pages: &[PageActivity], reported_at: Instant) {
        let mut visits = self.lock_visits();
        for page in pages {
            let key = (page.tool, page.environment.clone());
            if let Some(visit) = visits.get_mut(&key).filter(|visit| visit.last_at <= reported_at) {
                visit.is_reported = true;
            }
        }
        visits.retain(|_, visit| visit.open > 0 || !visit.is_reported);
    }

    fn lock_visits(&self) -> MutexGuard<'_, BTreeMap<PageKey, PageVisit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenVisit {
    fn drop(&mut self) {
        self.visits.change_visit(&self.page, |visit| visit.open = visit.open.saturating_sub(1));
    }
}

/// Creates the worker that reports visits.
pub fn create_worker(edge: &Arc<Edge>) -> Worker {
    let edge = edge.clone();
    Worker::new("page-activity", |stop| report_visits(edge, stop))
}

async fn report_visits(edge: Arc<Edge>, stop: ShutdownSignal) {
    // Without a page that sleeps, `jobs` need not know this process.
    let mut has_reported = false;
    loop {
        if edge.map.has_sleeping_pages() || has_reported {
            match send_report(&edge, false).await {
                Ok(()) => has_reported = edge.map.has_sleeping_pages(),
                Err(error) => log_error!(&error, "visits of pages not reported; will retry"),
            }
        }
        // The first report is sent as soon as a page that sleeps is known.
        let mut changes = edge.map.watch_changes();
        let pause = async {
            match has_reported || edge.map.has_sleeping_pages() {
                true => sleep(REPORT_INTERVAL).await,
                false => drop(changes.changed().await),
            }
        };
        if stop.run_until_shutdown(pause).await.is_none() {
            break;
        }
    }
    if has_reported {
        let last = timeout(LAST_REPORT_TIMEOUT, send_report(&edge, true)).await;
        if !matches!(last, Ok(Ok(()))) {
            tracing::info!("end of this edge not reported; pages stay awake until it is forgotten");
        }
    }
}

/// Reports the visits since the last report, also if there are none: `jobs` learns that this process still counts.
async fn send_report(edge: &Edge, is_last: bool) -> Result<()> {
    let reported_at = Instant::now();
    let pages = edge.visits_of_pages.list_unreported();
    let jobs = edge.kit.clients.create_client(Role::Jobs)?;
    let mut rest = &pages[..];
    loop {
        let (part, later) = rest.split_at(rest.len().min(PageActivityReport::MAX_PAGES));
        let is_last = is_last && later.is_empty();
        let report = PageActivityReport {
            edge: edge.kit.life,
            pages: part.to_vec(),
            is_complete: later.is_empty(),
            is_last,
        };
        jobs.jobs().report_page_activity(&report).await?;
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    edge.visits_of_pages.mark_reported(&pages, reported_at);
    Ok(())
}

#[cfg(test)]
mod tests {
    use hearth_base::{Clock, Entropy, SystemClock, ToolId};

    use super::*;

    #[test]
    fn open_visit_is_reported_until_it_has_ended() {
        let visits = PageVisits::default();
        let page = (ToolId::new(SystemClock.now(), &Entropy::System), None);
        assert_eq!(visits.list_unreported(), []);
        let open = visits.open_visit(page.clone());
        for _ in 0..2 {
            let reported = visits.list_unreported();
            assert_eq!(reported.iter().map(|page| page.idle_seconds).collect::<Vec<_>>(), [0]);
            visits.mark_reported(&reported, Instant::now());
        }
        drop(open);
        let reported = visits.list_unreported();
        assert_eq!(reported.len(), 1, "the end of a visit is reported too");
        visits.mark_reported(&reported, Instant::now());
        assert_eq!(visits.list_unreported(), []);
    }

    #[test]
    fn visit_during_a_report_is_in_the_next_one() {
        let visits = PageVisits::default();
        let page = (ToolId::new(SystemClock.now(), &Entropy::System), None);
        drop(visits.open_visit(page.clone()));
        let reported_at = Instant::now();
        let reported = visits.list_unreported();
        std::thread::sleep(Duration::from_millis(2));
        drop(visits.open_visit(page));
        visits.mark_reported(&reported, reported_at);
        assert_eq!(visits.list_unreported().len(), 1);
    }
}
