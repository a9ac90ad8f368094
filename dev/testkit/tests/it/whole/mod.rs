//! Whole Hearths with containers, from source to page, by the programs that people use.

mod deploying;
mod examples;
mod failing;
mod images;
mod killed;
mod notifying;
mod secrets;

pub use images::provide;

use hearth_base::{Error, Result};
use hearth_client::{Anonymous, Client, Transport};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use std::sync::Arc;

/// Somebody with a browser at this door.
pub struct Visitor(Client);

impl Visitor {
    pub fn at(url: &str) -> Result<Self> {
        Ok(Self(Client::new(Transport::url(url)?, Arc::new(Anonymous))))
    }

    /// Asks for a tool's page. Names below the domain need not be known to this machine.
    pub async fn visits(&self, tool: &str) -> Result<(StatusCode, String)> {
        let call = self.0.call(Method::GET, "/").header(header::HOST, &format!("{tool}.localhost"));
        let answer = call.raw().await?;
        let status = answer.status();
        let page = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
        Ok((status, String::from_utf8_lossy(&page).into_owned()))
    }
}
