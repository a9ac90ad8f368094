//! A whole Hearth with containers, from source to page, through `hearth` and HTTP.

mod compiled_languages;
mod deployments;
mod examples;
mod failed_deployments;
mod front_ends;
mod home_files;
mod images;
mod notifications;
mod process_kills;
mod provided_images;
mod reboot;
mod rollback;
mod secrets;
mod static_pages;
mod tool_deletion;

pub use images::provide_images;

use hearth_base::{Error, Result};
use hearth_client::{Anonymous, Client, Transport};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use std::sync::Arc;

/// An HTTP client of the pages of tools.
pub struct Visitor(Client);

impl Visitor {
    pub fn for_url(url: &str) -> Result<Self> {
        Ok(Self(Client::new(Transport::from_url(url)?, Arc::new(Anonymous))))
    }

    /// Requests a tool's page. The host name is sent as a header, so this host need not resolve it.
    pub async fn visit_page(&self, tool: &str) -> Result<(StatusCode, String)> {
        let call = self.0.build_call(Method::GET, "/").header(header::HOST, &format!("{tool}.localhost"));
        let answer = call.send_raw().await?;
        let status = answer.status();
        let page = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
        Ok((status, String::from_utf8_lossy(&page).into_owned()))
    }
}
