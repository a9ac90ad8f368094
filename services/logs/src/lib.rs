//! Log lines of runs and builds: `/logs/v1`.
//!
//! `jobs` and `builder` append lines, which are durable when the answer is sent. Storage is limited by age,
//! by size for each tool, and by size for each container and hour.

mod app;
mod context;
mod http;
mod pattern;
mod rights;
mod search_permits;
mod settings;
mod store;
mod workers;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, MountedService, Service, config::Section, queue, require_right, tool_cleanup,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::LogsContext,
    rights::{AppendLogs, LogsRead, ShowLogsForService},
};

pub use settings::LogsSettings;

/// This service, as `hearthd` mounts it.
pub const LOGS_SERVICE: Service = Service {
    role: Role::Logs,
    has_database: true,
    settings: Some(Section::from_settings::<LogsSettings>()),
    mount,
};

/// Builds the service.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let cx = LogsContext::new(kit)?;
    let (housekeeping, erased) = (workers::housekeeping::create_worker(&cx), cx.clone());
    let routes = queue::add_routes(routes(), kit.role, &cx.store.queue);
    Ok(MountedService::new(kit, Dialect::Data, routes, cx)
        .with_migrations(store::list_migrations)
        .with_worker(housekeeping)
        .with_worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erased.clone();
            async move { app::delete_tool_data(&cx, tool).await }
        })?))
}

/// The endpoints with their required rights.
fn routes() -> OpenApiRouter<LogsContext> {
    OpenApiRouter::new()
        .routes(require_right::<LogsRead, _>(routes!(http::jobs::list)))
        .routes(require_right::<LogsRead, _>(routes!(http::jobs::stream_lines)))
        .routes(require_right::<LogsRead, _>(routes!(http::tool::list)))
        .routes(require_right::<LogsRead, _>(routes!(http::tool::stream_lines)))
        .routes(require_right::<AppendLogs, _>(routes!(http::internal::append_log_batch)))
        .routes(require_right::<ShowLogsForService, _>(routes!(http::internal::show_log_page)))
}
