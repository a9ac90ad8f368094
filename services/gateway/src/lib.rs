//! Gateway of the API: resolves the caller once, and forwards the request to the service in its path, with a
//! signed identity. It stores nothing that it could not resolve again.

mod access_events;
mod credential;
mod forward;
#[doc(hidden)]
pub mod fuzzing;
mod hosts;
mod identities;
mod openapi;
mod registry;
mod request_log;
mod routes;

use std::sync::Arc;

use axum::{Router, middleware::from_fn};
use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, MountedService, Service,
    guard::{AnyCaller, Requirement},
    require_right, rights,
};
use tower::ServiceExt;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{identities::IdentityIssuer, openapi::MergedDocument, routes::RouteLoader};

rights! {
    /// Public read access.
    Open = "open", Requirement::Anyone => AnyCaller;
}

/// Shared state of the gateway.
pub(crate) struct Gateway {
    pub kit: Kit,
    pub identities: IdentityIssuer,
    pub routes: RouteLoader,
    pub documents: MergedDocument,
}

/// This service, as `hearthd` mounts it.
pub const GATEWAY_SERVICE: Service =
    Service { role: Role::Gateway, has_database: false, settings: None, mount };

/// Mounts the gateway.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let gateway = Arc::new(Gateway {
        kit: kit.clone(),
        identities: IdentityIssuer::new(kit)?,
        routes: RouteLoader::new(kit),
        documents: MergedDocument::default(),
    });
    let routes = OpenApiRouter::new()
        .routes(require_right::<Open, _>(routes!(openapi::show_merged)))
        .fallback(forward::forward_request);
    let visited = gateway.clone();
    let following = access_events::create_worker(&gateway);
    let mut mounted = MountedService::new(kit, Dialect::Data, routes, gateway).with_worker(following);
    let inner = mounted.router.layer(from_fn(request_log::log_request));
    let api = Router::new().fallback_service(inner.map_request(request_log::remove_trailing_slash));
    mounted.router = Router::new().fallback(move |request| hosts::route_by_host(visited, api, request));
    Ok(mounted)
}
