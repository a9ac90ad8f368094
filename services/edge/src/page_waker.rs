//! Wakes sleeping pages: holds their visitors, sends one request to `jobs`, and waits for the route.
//!
//! | state of the page | its visitors |
//! |---|---|
//! | asleep | one request wakes it, however many visitors; all are held |
//! | starting after a wake-up of this process | held until it is ready, or until the time limit of the wake-up |
//! | starting otherwise, stopped | get the error page of that state at once |
//!
//! The body of a held request is not read, so a held visitor costs one request head and one connection.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hearth_base::{Result, Role, ToolId};
use hearth_kit::{
    fair_pool::{FairPool, PoolLimits},
    log_error,
};
use hearth_wire::jobs::{
    internal::{Route, RouteState},
    page_sleep::PageWake,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    Edge, EdgeSettings,
    route_map::{PageKey, RouteLookup, page_key},
};

/// The number of requests to `jobs` for one wake-up; only failed ones are repeated.
const MAX_WAKE_REQUESTS: u32 = 3;
/// The pause after a failed request.
const WAKE_RETRY_PAUSE: Duration = Duration::from_millis(300);

/// Wake-ups in progress, and the visitors that they hold.
pub struct PageWaker {
    wakes: Mutex<BTreeMap<PageKey, watch::Receiver<bool>>>,
    held: FairPool<ToolId>,
    timeout: Duration,
}

/// Refusal to hold a visitor: too many are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyHeld;

impl PageWaker {
    /// Creates a waker with these limits.
    pub fn new(settings: &EdgeSettings) -> Self {
        let limits = PoolLimits {
            permits: settings.held_visits.max(1),
            permits_per_key: settings.held_visits_per_tool.max(1),
            waiting_per_key: 0,
            waiting: 0,
        };
        Self {
            wakes: Mutex::default(),
            held: FairPool::new(limits),
            timeout: Duration::from_secs(settings.wake_timeout),
        }
    }

    /// True if a visit of this page is held: it sleeps, or this process wakes it.
    pub fn is_held(&self, route: &Route) -> bool {
        match route.state {
            RouteState::Stopped => is_asleep(route),
            RouteState::Ready | RouteState::Starting => {
                let wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner);
                !is_ready(route) && wakes.contains_key(&page_key(route))
            }
        }
    }

    /// Waits for the end of the wake-up of a page, and starts one if there is none.
    pub async fn wait_for_page(&self, edge: &Arc<Edge>, route: &Route) -> Result<(), TooManyHeld> {
        let _permit = self.held.try_acquire(route.tool).ok_or(TooManyHeld)?;
        let mut is_over = self.join_wake(edge, route);
        // An error means that the wake-up is over too.
        let _result = is_over.wait_for(|is_over| *is_over).await;
        Ok(())
    }

    fn join_wake(&self, edge: &Arc<Edge>, route: &Route) -> watch::Receiver<bool> {
        let page = page_key(route);
        let mut wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wake) = wakes.get(&page) {
            return wake.clone();
        }
        let (sender, receiver) = watch::channel(false);
        wakes.insert(page.clone(), receiver.clone());
        let (edge, label, deadline) = (edge.clone(), route.build_label(), Instant::now() + self.timeout);
        let stop = edge.kit.tasks.shutdown_signal();
        edge.kit.tasks.clone().spawn("wake-page", async move {
            let woken = async {
                if let Err(error) = request_wake(&edge, &page).await {
                    log_error!(&error, label, "page not woken");
                    return;
                }
                let _timed_out = timeout_at(deadline, wait_for_route(&edge, &label)).await;
            };
            stop.run_until_shutdown(woken).await;
            edge.waker.wakes.lock().unwrap_or_else(PoisonError::into_inner).remove(&page);
            sender.send_replace(true);
        });
        receiver
    }
}

async fn request_wake(edge: &Edge, page: &PageKey) -> Result<()> {
    let (tool, environment) = page.clone();
    let wake = PageWake { tool, environment };
    let jobs = edge.kit.clients.create_client(Role::Jobs)?;
    for _ in 1..MAX_WAKE_REQUESTS {
        match jobs.jobs().wake_page(&wake).await {
            Err(error) if error.kind().is_transient() => sleep(WAKE_RETRY_PAUSE).await,
            woken => return woken.map(drop),
        }
    }
    jobs.jobs().wake_page(&wake).await.map(drop)
}

/// Waits until a page is ready, or neither sleeps nor starts any more.
async fn wait_for_route(edge: &Edge, label: &str) {
    let mut changes = edge.map.watch_changes();
    loop {
        changes.mark_unchanged();
        match edge.map.find_route(label) {
            RouteLookup::Route(route) if is_asleep(&route) => {}
            RouteLookup::Route(route) if route.state != RouteState::Stopped && !is_ready(&route) => {}
            RouteLookup::Route(_) | RouteLookup::NotFound | RouteLookup::NotLoaded => return,
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn is_asleep(route: &Route) -> bool {
    route.state == RouteState::Stopped && route.sleep.is_some_and(|sleep| sleep.asleep)
}

fn is_ready(route: &Route) -> bool {
    route.state == RouteState::Ready && !route.targets.is_empty()
}
