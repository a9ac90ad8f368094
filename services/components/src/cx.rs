//! What handlers and rules of this service stand on.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Caller, Clock, Entropy, Result, ToolName};
use hearth_kit::{Authed, Clients, Kit, Right, config::Door};
use jiff::Timestamp;

use crate::{ComponentsSettings, store::Store};

/// What handlers and rules of this service stand on.
#[derive(Clone)]
pub struct Cx {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub clients: Clients,
    pub settings: Arc<ComponentsSettings>,
    pub door: Arc<Door>,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        Ok(Self {
            store: Store::new(kit.db()?.clone(), kit.queue()?),
            clock: kit.clock.clone(),
            entropy: kit.entropy.clone(),
            clients: kit.clients.clone(),
            settings: kit.settings(),
            door: Arc::new(kit.config.door.clone()),
        })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Who asks, in words.
    pub fn who<R: Right>(authed: &Authed<R>) -> String {
        match &authed.identity.caller {
            Caller::User { name, .. } => format!("user {name}"),
            Caller::Tool { name, .. } => format!("tool {name}"),
            Caller::Nobody | Caller::Service { .. } => "nobody".to_owned(),
        }
    }

    /// Where a tool's page is.
    pub fn page(&self, tool: &ToolName) -> String {
        let public = self.door.public_url.as_deref().and_then(|url| url.split_once("://"));
        let (scheme, authority) = public.unwrap_or(("http", &self.door.listen));
        let authority = authority.split('/').next().unwrap_or(authority);
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        let usual = if scheme == "https" { "443" } else { "80" };
        let port = port.filter(|port| *port != usual).map(|port| format!(":{port}"));
        format!("{scheme}://{tool}.{}{}", self.door.domain, port.unwrap_or_default())
    }
}

impl FromRequestParts<Cx> for Cx {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, cx: &Cx) -> Result<Self, Infallible> {
        Ok(cx.clone())
    }
}
