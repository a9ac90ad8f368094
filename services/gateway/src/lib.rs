//! The one door of the API: finds out who is calling, once, and passes the request on to the service that its
//! path names, with a signed identity. It keeps nothing that it could not find out again.

mod credential;
mod door;
mod follow;
mod forward;
#[doc(hidden)]
pub mod fuzzing;
mod hosts;
mod identities;
mod openapi;
mod registry;
mod routes;

use std::sync::Arc;

use axum::{Router, middleware::from_fn};
use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, Mounted, Service, guard,
    guard::{Anybody, Needs},
    rights,
};
use tower::ServiceExt;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{identities::Identities, openapi::Documents, routes::Routes};

rights! {
    /// Reading what anyone may read.
    Open = "open", Needs::Nothing => Anybody;
}

/// What the gateway stands on.
pub(crate) struct Gateway {
    pub kit: Kit,
    pub identities: Identities,
    pub routes: Routes,
    pub documents: Documents,
}

/// This service, as `hearthd` mounts it.
pub const GATEWAY_SERVICE: Service = Service { role: Role::Gateway, database: false, settings: None, mount };

/// Puts the gateway together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let gateway = Arc::new(Gateway {
        kit: kit.clone(),
        identities: Identities::new(kit)?,
        routes: Routes::new(kit),
        documents: Documents::default(),
    });
    let routes =
        OpenApiRouter::new().routes(guard::<Open, _>(routes!(openapi::merged))).fallback(forward::forward);
    let visited = gateway.clone();
    let following = follow::create_worker(&gateway);
    let mut mounted = Mounted::new(kit, Dialect::Data, routes, gateway).worker(following);
    let inner = mounted.router.layer(from_fn(door::enter));
    let api = Router::new().fallback_service(inner.map_request(door::without_last_slash));
    mounted.router = Router::new().fallback(move |request| hosts::enter(visited, api, request));
    Ok(mounted)
}
