//! A whole Hearth with containers, from source to page, through `hearth` and HTTP.

mod components;
mod deployments;
mod environments;
mod examples;
mod failed_deployments;
mod front_ends;
mod home_files;
mod images;
mod languages;
mod notifications;
mod outside_builder;
mod package_sources;
mod page_sleep;
mod previews;
mod private_repositories;
mod process_kills;
mod provided_images;
mod reboot;
mod rollback;
mod secrets;
mod static_pages;
mod supply_chain;
mod tool_deletion;

pub use images::provide_images;

use hearth_base::{Error, Result};
use hearth_client::{Anonymous, Client, Transport};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use http_body_util::BodyExt;
use std::{fs, path::Path, sync::Arc};

/// An HTTP client of the pages of tools.
pub struct Visitor(Client);

impl Visitor {
    pub fn for_url(url: &str) -> Result<Self> {
        Ok(Self(Client::new(Transport::from_url(url)?, Arc::new(Anonymous))))
    }

    /// Requests the first page of a tool.
    pub async fn visit_page(&self, tool: &str) -> Result<(StatusCode, String)> {
        let (status, _, page) = self.fetch_page(tool, "/", &[]).await?;
        Ok((status, page))
    }

    /// Requests a page of a tool with further headers. The host name is sent as a header, so this host need not resolve
    /// it.
    pub async fn fetch_page(
        &self,
        tool: &str,
        path: &str,
        headers: &[(HeaderName, &str)],
    ) -> Result<(StatusCode, HeaderMap, String)> {
        let call = self.0.build_call(Method::GET, path).header(header::HOST, &format!("{tool}.localhost"));
        let call = headers.iter().fold(call, |call, (name, value)| call.header(name.clone(), value));
        let (head, body) = call.send_raw().await?.into_parts();
        let content = body.collect().await.map_err(Error::internal)?.to_bytes();
        Ok((head.status, head.headers, String::from_utf8_lossy(&content).into_owned()))
    }
}

/// Writes files into a folder, and the folders of their paths.
pub fn write_files(folder: &Path, files: &[(&str, &str)]) -> Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).map_err(Error::internal)?;
        fs::write(path, text).map_err(Error::internal)?;
    }
    Ok(())
}
