//! Pages of tools: passes a visitor's request on to a ready instance of the tool that the host's name names.
//!
//! It learns from `jobs`' events who is ready, and keeps the last map on disk, so that it serves without `jobs` and
//! without the gateway. It enters nobody's namespace: instances are addresses.

mod about;
mod body;
mod clean;
mod follow;
#[doc(hidden)]
pub mod fuzzing;
mod map;
mod pages;
mod pass;
mod pool;
mod settings;
mod visit;

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::Request, response::IntoResponse};
use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, Mounted, Service,
    config::Section,
    hosts::{self, Place},
};
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;

use crate::{map::Map, pool::Pool};

/// What the edge stands on.
pub(crate) struct Edge {
    pub kit: Kit,
    pub map: Map,
    pub pool: Pool,
    /// How long a tool may take to begin its answer.
    pub patience: Duration,
}

pub use settings::EdgeSettings;

/// This service, as `hearthd` mounts it.
pub const EDGE_SERVICE: Service =
    Service { role: Role::Edge, database: false, settings: Some(Section::of::<EdgeSettings>()), mount };

/// Puts the edge together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let settings = kit.settings::<EdgeSettings>();
    let edge = Arc::new(Edge {
        kit: kit.clone(),
        map: Map::at(kit.state.path().join("edge")),
        pool: Pool::new(Duration::from_secs(settings.connect_timeout)),
        patience: Duration::from_secs(settings.answer_timeout),
    });
    let first = edge.clone();
    let mut mounted = Mounted::new(kit, Dialect::Data, OpenApiRouter::new(), ())
        .prepare(async move {
            first.map.load();
            Ok(())
        })
        .worker(follow::create_worker(&edge));
    let own = mounted.router;
    mounted.router = Router::new().fallback(move |request: Request| by_host(edge, own, request));
    Ok(mounted)
}

/// A tool's host is a visitor's; everything else is about the edge itself.
async fn by_host(edge: Arc<Edge>, own: Router, request: Request) -> axum::response::Response {
    match hosts::named(request.uri(), request.headers()) {
        Ok(Some(host)) => match edge.kit.config.door.place(&host) {
            Place::Tool(tool) => visit::visit(edge, &tool, &host, request).await,
            Place::Api | Place::Nobody => own.oneshot(request).await.into_response(),
        },
        Ok(None) => own.oneshot(request).await.into_response(),
        Err(hosts::Unreadable) => pages::unreadable(&request),
    }
}
