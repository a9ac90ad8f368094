//! Endpoint of the folders of a home.

use hearth_kit::{ApiResponse, ApiResult, Authed, Query};
use hearth_wire::{
    reply::Data,
    storage::{FileEntry, FileQuery},
};

use super::views;
use crate::{app, context::StorageContext, rights::FilesAccess};

/// Make a folder with its parents. An existing one stays.
#[utoipa::path(put, path = "/storage/v1/tool/{tool}/volumes/home/folders", tag = "storage",
    operation_id = "storage.folder_create",
    params(("tool" = String, Path, description = "name of the tool"), FileQuery),
    responses((status = 200, body = Data<FileEntry>), (status = 409, description = "a part of the path is a file")))]
pub async fn create(
    cx: StorageContext,
    tool: Authed<FilesAccess>,
    Query(query): Query<FileQuery>,
) -> ApiResult<FileEntry> {
    let entry = app::files::make_folder(&cx, &tool, query.path).await?;
    Ok(ApiResponse::ok(views::render_entry(entry)))
}
