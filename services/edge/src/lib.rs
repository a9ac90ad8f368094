//! Web pages of tools: forwards a visitor's request to a ready instance of the tool in the host name.
//!
//! The edge learns the routes from `jobs`' events and saves the last map to disk, so that it works without
//! `jobs` and without the gateway. It enters no namespace: instances are addresses.

mod cookies;
mod error_pages;
mod forward;
#[doc(hidden)]
pub mod fuzzing;
mod header_filter;
mod page_activity;
mod page_waker;
mod pool;
mod request_body;
mod route_events;
mod route_map;
mod settings;
mod visit;
mod visitor;

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::Request, response::IntoResponse};
use hearth_base::{Result, Role, ToolId};
use hearth_kit::{
    Dialect, Kit, MountedService, Service,
    config::Section,
    fair_pool::{FairPool, PoolLimits},
    hosts::{self, HostOwner},
};
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;

use crate::{page_activity::PageVisits, page_waker::PageWaker, pool::InstancePool, route_map::RouteMap};

/// Shared state of the edge.
pub(crate) struct Edge {
    pub kit: Kit,
    pub map: RouteMap,
    pub pool: InstancePool,
    pub visits: FairPool<ToolId>,
    /// Visits of pages that sleep without them.
    pub visits_of_pages: PageVisits,
    /// Wakes sleeping pages.
    pub waker: PageWaker,
    /// Time limit for the start of a tool's response.
    pub answer_timeout: Duration,
}

pub use settings::EdgeSettings;

/// This service, as `hearthd` mounts it.
pub const EDGE_SERVICE: Service = Service {
    role: Role::Edge,
    has_database: false,
    settings: Some(Section::from_settings::<EdgeSettings>()),
    mount,
};

/// Mounts the edge.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let settings = kit.settings::<EdgeSettings>();
    let edge = Arc::new(Edge {
        kit: kit.clone(),
        map: RouteMap::in_folder(kit.state.path().join("edge")),
        pool: InstancePool::new(Duration::from_secs(settings.connect_timeout)),
        visits: FairPool::new(PoolLimits::for_each_key(settings.visits_per_tool)),
        visits_of_pages: PageVisits::default(),
        waker: PageWaker::new(&settings),
        answer_timeout: Duration::from_secs(settings.answer_timeout),
    });
    let first = edge.clone();
    let mut mounted = MountedService::new(kit, Dialect::Data, OpenApiRouter::new(), ())
        .with_preparation(async move {
            first.map.load_from_disk();
            Ok(())
        })
        .with_worker(route_events::create_worker(&edge))
        .with_worker(page_activity::create_worker(&edge));
    let own = mounted.router;
    mounted.router = Router::new().fallback(move |request: Request| route_by_host(edge, own, request));
    Ok(mounted)
}

/// Routes a request by host: a tool's host goes to the tool, any other to the edge's own endpoints.
async fn route_by_host(edge: Arc<Edge>, own: Router, request: Request) -> axum::response::Response {
    match hosts::read_host(request.uri(), request.headers()) {
        Ok(Some(host)) => match edge.kit.config.door.find_host_owner(&host) {
            HostOwner::Tool(tool) => visit::serve_visit(edge, &tool, &host, request).await,
            HostOwner::Api | HostOwner::Unknown => own.oneshot(request).await.into_response(),
        },
        Ok(None) => own.oneshot(request).await.into_response(),
        Err(hosts::InvalidHost) => error_pages::answer_unreadable_host(&request),
    }
}
