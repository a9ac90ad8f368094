//! Endpoints of the files of a home.

use axum::{
    body::Body,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Result};
use hearth_kit::{ApiError, ApiResponse, ApiResult, Authed, Query};
use hearth_wire::{
    reply::{Data, Done},
    storage::{FileDeleteQuery, FileEntry, FileListing, FileQuery, FileWriteQuery},
};

use super::views;
use crate::{app, context::StorageContext, rights::FilesAccess};

/// Show a file, or a folder with its entries. Paths are relative to the home.
#[utoipa::path(get, path = "/storage/v1/tool/{tool}/volumes/home/files", tag = "storage",
    operation_id = "storage.file_list",
    params(("tool" = String, Path, description = "name of the tool"), FileQuery),
    responses((status = 200, body = Data<FileListing>), (status = 404, description = "the file does not exist")))]
pub async fn list(
    cx: StorageContext,
    tool: Authed<FilesAccess>,
    Query(query): Query<FileQuery>,
) -> ApiResult<FileListing> {
    let listing = app::files::list_files(&cx, &tool, query.path).await?;
    Ok(ApiResponse::ok(FileListing {
        entry: views::render_entry(listing.entry),
        entries: listing.entries.into_iter().map(views::render_entry).collect(),
        truncated: listing.truncated,
    }))
}

/// Write a file: the body is its content, and the header `Content-Length` its size. An existing file is replaced
/// when all of the content has arrived. Missing folders are made.
#[utoipa::path(put, path = "/storage/v1/tool/{tool}/volumes/home/files", tag = "storage",
    operation_id = "storage.file_write",
    params(("tool" = String, Path, description = "name of the tool"), FileWriteQuery),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 200, body = Data<FileEntry>), (status = 400, description = "the content is incomplete"),
        (status = 409, description = "the path is a folder"), (status = 413, description = "the content is too large"),
        (status = 429, description = "the home is full")))]
pub async fn write(
    cx: StorageContext,
    tool: Authed<FilesAccess>,
    Query(query): Query<FileWriteQuery>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<FileEntry> {
    let mode = query.mode.as_deref().map(parse_mode).transpose()?;
    let request = (query.path, read_length(&headers)?, mode);
    let entry = app::files::write_file(&cx, &tool, request, body.into_data_stream()).await?;
    Ok(ApiResponse::ok(views::render_entry(entry)))
}

/// Delete a file, or a folder: with `recursive=true`, with its content.
#[utoipa::path(delete, path = "/storage/v1/tool/{tool}/volumes/home/files", tag = "storage",
    operation_id = "storage.file_delete",
    params(("tool" = String, Path, description = "name of the tool"), FileDeleteQuery),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the file does not exist"),
        (status = 409, description = "the folder is not empty")))]
pub async fn delete(
    cx: StorageContext,
    tool: Authed<FilesAccess>,
    Query(query): Query<FileDeleteQuery>,
) -> ApiResult<Done> {
    app::files::delete_file(&cx, &tool, query.path, query.recursive).await?;
    Ok(ApiResponse::ok(Done {}))
}

/// Read the content of a file.
#[utoipa::path(get, path = "/storage/v1/tool/{tool}/volumes/home/files/content", tag = "storage",
    operation_id = "storage.file_read",
    params(("tool" = String, Path, description = "name of the tool"), FileQuery),
    responses((status = 200, body = String, content_type = "application/octet-stream"),
        (status = 404, description = "the file does not exist"), (status = 409, description = "it is not a file")))]
pub async fn read_content(
    cx: StorageContext,
    tool: Authed<FilesAccess>,
    Query(query): Query<FileQuery>,
) -> Result<Response, ApiError> {
    let (entry, content) = app::files::read_file(&cx, &tool, query.path).await?;
    // The bytes belong to a tool: no browser may run them on the origin of the instance.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, entry.size.to_string()),
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(content.into_stream(entry.size))).into_response())
}

fn read_length(headers: &HeaderMap) -> Result<u64> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.ok_or_else(|| {
        Error::invalid("length-required", "the request has no header Content-Length")
            .help("send the size of the file, as curl --upload-file does")
    })
}

/// Parses permission bits such as `644`.
fn parse_mode(text: &str) -> Result<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777).ok_or_else(|| {
        Error::invalid(
            "file-mode",
            format!("invalid mode {text:?}: expected three octal digits, such as 644"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_is_octal_and_has_only_permission_bits() {
        assert_eq!(parse_mode("644").ok(), Some(0o644));
        assert_eq!(parse_mode("0755").ok(), Some(0o755));
        for wrong in ["", "888", "4755", "-1", "rwx"] {
            assert!(parse_mode(wrong).is_err(), "{wrong}");
        }
    }
}
