//! Homes of tools and their files: `/storage/v1`.
//!
//! The runtime owns the files. This service checks the caller, and passes each request to a sandboxed process
//! that the runtime starts and whose root is the home.

mod app;
mod context;
mod http;
mod rights;
mod session_permits;
mod settings;
mod store;

use std::sync::Arc;

use hearth_base::{Result, Role};
use hearth_kit::{
    Dialect, Kit, MountedService, RouteExt, Service, config::Section, require_right, tool_cleanup,
};
use hearth_runtime_api::{Runtime, wire::RuntimeClient};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::StorageContext,
    rights::{FilesAccess, StorageRead},
};

pub use settings::StorageSettings;

/// This service, as `hearthd` mounts it.
pub const STORAGE_SERVICE: Service = Service {
    role: Role::Storage,
    has_database: true,
    settings: Some(Section::from_settings::<StorageSettings>()),
    mount,
};

/// Mounts the service with the runtime of this machine.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    mount_on(kit, Arc::new(RuntimeClient::new(kit.config.runtime.socket_path())))
}

/// Mounts the service with any runtime.
pub fn mount_on(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<MountedService> {
    let cx = StorageContext::new(kit, runtime)?;
    let erasing = cx.clone();
    Ok(MountedService::new(kit, Dialect::Data, routes(&cx.settings), cx)
        .with_migrations(store::list_migrations)
        .with_worker(tool_cleanup::create_worker(kit, move |tool| {
            let cx = erasing.clone();
            async move { app::erase::erase_home(&cx, tool).await }
        })?))
}

/// The endpoints with their required rights.
fn routes(settings: &StorageSettings) -> OpenApiRouter<StorageContext> {
    OpenApiRouter::new()
        .routes(require_right::<StorageRead, _>(routes!(http::volumes::list)))
        .routes(require_right::<StorageRead, _>(routes!(http::volumes::show_home)))
        .routes(require_right::<FilesAccess, _>(routes!(http::files::list)))
        .routes(
            require_right::<FilesAccess, _>(routes!(http::files::write))
                .with_body_limit(settings.file_limit)
                .with_streaming(),
        )
        .routes(require_right::<FilesAccess, _>(routes!(http::files::delete)))
        .routes(require_right::<FilesAccess, _>(routes!(http::files::read_content)))
        .routes(require_right::<FilesAccess, _>(routes!(http::folders::create)))
}
