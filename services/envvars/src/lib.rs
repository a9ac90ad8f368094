//! Variables given to every run of a tool, or of one of its jobs: `/envvars/v1`.
//!
//! Values are kept encrypted and never logged, secrets sealed so that this service cannot open them either. Rules are in
//! `app`; what touches this service's keys is kit's `vault`.

mod app;
mod cx;
mod http;
mod place;
mod rights;
mod store;

use hearth_base::{Result, Role};
use hearth_kit::{Dialect, Kit, Mounted, Service, guard, tool_cleanup};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    cx::Cx,
    rights::{EnvvarsRead, EnvvarsWrite, GiveOut},
};

/// This service, as `hearthd` mounts it.
pub const ENVVARS_SERVICE: Service = Service { role: Role::Envvars, database: true, settings: None, mount };

/// Puts the service together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let cx = Cx::new(kit)?;
    let (first, erased) = (cx.clone(), cx.clone());
    Ok(Mounted::new(kit, Dialect::Named, routes(), cx)
        .migrations(store::migrations)
        .prepare(async move { app::rotate::prepare(&first).await })
        .worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erased.clone();
            async move { app::erase(&cx, tool).await }
        })?))
}

/// Every endpoint, with who may use it.
fn routes() -> OpenApiRouter<Cx> {
    OpenApiRouter::new()
        .routes(guard::<EnvvarsRead, _>(routes!(http::list)))
        .routes(guard::<EnvvarsWrite, _>(routes!(http::create, http::change)))
        .routes(guard::<EnvvarsWrite, _>(routes!(http::show, http::delete)))
        .routes(guard::<EnvvarsRead, _>(routes!(http::quota)))
        .routes(guard::<GiveOut, _>(routes!(http::of_run)))
        .routes(guard::<GiveOut, _>(routes!(http::revisions)))
}
