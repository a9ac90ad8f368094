//! Lines that runs and builds have written: `/logs/v1`.
//!
//! Lines are handed over by the services that run things, and are durable when that is answered. What is kept is
//! bounded: by age, for each tool, and for what one container may write in an hour.

mod app;
mod cx;
mod http;
mod pattern;
mod rights;
mod settings;
mod store;
mod turns;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{Dialect, Kit, Mounted, Service, config::Section, guard, queue, tool_cleanup};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    cx::Cx,
    rights::{Append, LogsRead, Show},
};

pub use settings::LogsSettings;

/// This service, as `hearthd` mounts it.
pub const LOGS_SERVICE: Service =
    Service { role: Role::Logs, database: true, settings: Some(Section::of::<LogsSettings>()), mount };

/// Puts the service together.
pub fn mount(kit: &Kit) -> Result<Mounted> {
    let cx = Cx::new(kit)?;
    let (housekeeping, erased) = (workers::housekeeping::create_worker(&cx), cx.clone());
    let routes = queue::add_routes(routes(), kit.role, &cx.store.queue);
    Ok(Mounted::new(kit, Dialect::Data, routes, cx)
        .migrations(store::migrations)
        .worker(housekeeping)
        .worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erased.clone();
            async move { app::erase(&cx, tool).await }
        })?))
}

/// Every endpoint, with who may use it.
fn routes() -> OpenApiRouter<Cx> {
    OpenApiRouter::new()
        .routes(guard::<LogsRead, _>(routes!(http::jobs::list)))
        .routes(guard::<LogsRead, _>(routes!(http::jobs::stream)))
        .routes(guard::<LogsRead, _>(routes!(http::tool::list)))
        .routes(guard::<LogsRead, _>(routes!(http::tool::stream)))
        .routes(guard::<Append, _>(routes!(http::internal::append)))
        .routes(guard::<Show, _>(routes!(http::internal::show)))
}
