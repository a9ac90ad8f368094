//! Calls about files of tools.

use std::time::Duration;

use hearth_base::{Result, ToolName};
use hearth_wire::{
    reply::Done,
    storage::{FileDeleteQuery, FileEntry, FileListing, FileQuery, FileWriteQuery, Volume, VolumeList},
};
use http::{Method, Response, header};

use crate::{Body, Call, Client};

/// The time limit of a transfer: a large file over a slow connection takes long.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(3600);

/// The name of a tool's home among its volumes.
const HOME_VOLUME: &str = "home";

/// Calls to `/storage/v1`.
#[derive(Debug, Clone, Copy)]
pub struct StorageCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls about files of tools.
    pub fn storage(&self) -> StorageCalls<'_> {
        StorageCalls(self)
    }
}

impl StorageCalls<'_> {
    fn volumes_call(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.build_call(method, "/storage/v1/tool").segment(tool).path_suffix("/volumes")
    }

    fn home_call(&self, method: Method, tool: &ToolName, below: &str) -> Call<'_> {
        self.volumes_call(method, tool).segment(HOME_VOLUME).path_suffix(below)
    }

    /// Lists the volumes of a tool.
    pub async fn list_volumes(&self, tool: &ToolName) -> Result<VolumeList> {
        self.volumes_call(Method::GET, tool).fetch_data().await
    }

    /// Shows the usage of a tool's home.
    pub async fn show_home(&self, tool: &ToolName) -> Result<Volume> {
        self.home_call(Method::GET, tool, "").fetch_data().await
    }

    /// Shows a file, or a folder with its entries.
    pub async fn list_files(&self, tool: &ToolName, query: &FileQuery) -> Result<FileListing> {
        self.home_call(Method::GET, tool, "/files").query(query).fetch_data().await
    }

    /// Reads a file.
    pub async fn read_file(&self, tool: &ToolName, query: &FileQuery) -> Result<Response<Body>> {
        self.home_call(Method::GET, tool, "/files/content").query(query).send_streaming().await
    }

    /// Writes a file of `size` bytes.
    pub async fn write_file(
        &self,
        tool: &ToolName,
        query: &FileWriteQuery,
        size: u64,
        content: Body,
    ) -> Result<FileEntry> {
        self.home_call(Method::PUT, tool, "/files")
            .query(query)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, &size.to_string())
            .body(content)
            .timeout(TRANSFER_TIMEOUT)
            .fetch_data()
            .await
    }

    /// Deletes a file or folder.
    pub async fn delete_file(&self, tool: &ToolName, query: &FileDeleteQuery) -> Result<Done> {
        self.home_call(Method::DELETE, tool, "/files").query(query).fetch_data().await
    }

    /// Makes a folder.
    pub async fn make_folder(&self, tool: &ToolName, query: &FileQuery) -> Result<FileEntry> {
        self.home_call(Method::PUT, tool, "/folders").query(query).fetch_data().await
    }
}
