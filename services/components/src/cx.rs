//! The context of this service's handlers and rules.

use std::sync::Arc;

use hearth_base::{Caller, Result, ToolName};
use hearth_kit::{Authed, Clients, Kit, RequestContext, Right, config::Door};

use crate::{ComponentsSettings, store::Store};

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct Cx {
    base: RequestContext<ComponentsSettings>,
    pub store: Store,
    pub clients: Clients,
    pub door: Arc<Door>,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: Store::new(kit.db()?.clone(), kit.queue()?),
            clients: kit.clients.clone(),
            door: Arc::new(kit.config.door.clone()),
        })
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

hearth_kit::impl_request_context!(Cx, ComponentsSettings);
