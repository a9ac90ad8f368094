//! The context of this service's handlers and rules.

use std::sync::Arc;

use hearth_base::{EnvironmentName, Result, ToolName};
use hearth_kit::{
    Authed, Kit, RequestContext, Right, ServiceClients, config::DoorSettings, outbound::OutboundClient,
    vault::Vault,
};

use hearth_wire::components::DeploymentId;

use crate::{ComponentsSettings, forge_limits::ForgeLimits, store::ComponentsStore};

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct ComponentsContext {
    base: RequestContext<ComponentsSettings>,
    pub store: ComponentsStore,
    pub clients: ServiceClients,
    pub door: Arc<DoorSettings>,
    pub outbound: OutboundClient,
    /// The keys that seal the secrets of linked repositories.
    pub vault: Vault,
    /// Rate limits of webhooks.
    pub forge_limits: ForgeLimits,
}

impl ComponentsContext {
    pub fn new(kit: &Kit) -> Result<Self> {
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: ComponentsStore::new(kit.db()?.clone(), kit.create_queue()?, kit.tasks.shutdown_signal()),
            clients: kit.clients.clone(),
            door: Arc::new(kit.config.door.clone()),
            outbound: kit.config.outbound.create_client(),
            vault: Vault::new(kit.role, &kit.state),
            forge_limits: ForgeLimits::default(),
        })
    }

    /// Describes the caller, such as `user ada`.
    pub fn describe_caller<R: Right>(authed: &Authed<R>) -> String {
        authed.identity.caller.to_string()
    }

    /// Builds the address of a deployment in the API.
    pub fn build_deployment_url(&self, tool: &ToolName, deployment: DeploymentId) -> String {
        format!("{}/components/v1/tool/{tool}/deployment/{deployment}", self.door.public_origin())
    }

    /// Builds the address of the page of a tool, or of an environment, from the configured public address.
    pub fn build_page_url(&self, tool: &ToolName, environment: Option<&EnvironmentName>) -> String {
        let label = environment.map_or_else(|| tool.to_string(), |environment| environment.build_label(tool));
        let public = self.door.public_url.as_deref().and_then(|url| url.split_once("://"));
        let (scheme, authority) = public.unwrap_or(("http", &self.door.listen));
        let authority = authority.split('/').next().unwrap_or(authority);
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        let usual = if scheme == "https" { "443" } else { "80" };
        let port = port.filter(|port| *port != usual).map(|port| format!(":{port}"));
        format!("{scheme}://{label}.{}{}", self.door.domain, port.unwrap_or_default())
    }
}

hearth_kit::impl_request_context!(ComponentsContext, ComponentsSettings);
