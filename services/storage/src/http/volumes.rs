//! Endpoints of volumes. The home is the only one.

use hearth_kit::{ApiResponse, ApiResult, Authed};
use hearth_wire::{
    reply::Data,
    storage::{Volume, VolumeList},
};

use super::views;
use crate::{app, context::StorageContext, rights::StorageRead};

/// List the tool's volumes with their usage.
#[utoipa::path(get, path = "/storage/v1/tool/{tool}/volumes", tag = "storage", operation_id = "storage.volume_list",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<VolumeList>)))]
pub async fn list(cx: StorageContext, tool: Authed<StorageRead>) -> ApiResult<VolumeList> {
    let home = views::render_home(app::files::measure_home(&cx, &tool).await?);
    Ok(ApiResponse::ok(VolumeList { volumes: vec![home] }))
}

/// Show the usage of the tool's home.
#[utoipa::path(get, path = "/storage/v1/tool/{tool}/volumes/home", tag = "storage", operation_id = "storage.home",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<Volume>)))]
pub async fn show_home(cx: StorageContext, tool: Authed<StorageRead>) -> ApiResult<Volume> {
    Ok(ApiResponse::ok(views::render_home(app::files::measure_home(&cx, &tool).await?)))
}
