//! Gateway of the API: resolves the caller once, and forwards the request to the service in its path, with a
//! signed identity. It stores nothing that it could not resolve again.

mod access_events;
mod access_watch;
mod bounded_times;
mod credential;
mod credential_lookups;
mod forward;
mod front_page;
#[doc(hidden)]
pub mod fuzzing;
mod hosts;
mod identities;
mod openapi;
mod rate_limit;
mod refusals;
mod registry;
mod request_caller;
mod request_log;
mod routes;
mod settings;

use std::sync::Arc;

use axum::{Router, middleware::from_fn};
use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, MountedService, Service,
    config::Section,
    guard::{AnyCaller, Requirement},
    require_right, rights,
};
use tower::ServiceExt;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    credential_lookups::CredentialLookups, identities::IdentityIssuer, openapi::MergedDocument,
    rate_limit::RateLimiter, routes::RouteLoader,
};
pub use settings::GatewaySettings;

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
    pub rate_limits: RateLimiter,
    pub credential_lookups: CredentialLookups,
}

impl Gateway {
    fn new(kit: &Kit) -> Result<Self> {
        let settings = kit.settings::<GatewaySettings>();
        Ok(Self {
            kit: kit.clone(),
            identities: IdentityIssuer::new(kit)?,
            routes: RouteLoader::new(kit),
            documents: MergedDocument::default(),
            rate_limits: RateLimiter::new(&settings),
            credential_lookups: CredentialLookups::new(settings.invalid_credentials),
        })
    }
}

/// This service, as `hearthd` mounts it.
pub const GATEWAY_SERVICE: Service = Service {
    role: Role::Gateway,
    has_database: false,
    settings: Some(Section::from_settings::<GatewaySettings>()),
    mount,
};

/// Mounts the gateway.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let gateway = Arc::new(Gateway::new(kit)?);
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
