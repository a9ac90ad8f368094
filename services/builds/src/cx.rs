//! The context of this service's handlers and rules.

use hearth_base::{Result, Role};
use hearth_kit::{Clients, Kit, RequestContext, blobs::Blobs, outbound::Outbound, tasks::Stop};

use crate::{BuildsSettings, store::Store};

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct Cx {
    base: RequestContext<BuildsSettings>,
    pub store: Store,
    pub blobs: Blobs,
    pub outbound: Outbound,
    pub clients: Clients,
    pub stop: Stop,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: Store::new(kit.db()?.clone(), kit.queue()?),
            blobs: Blobs::of(&kit.state, Role::Builds)?,
            outbound: Outbound::new(&kit.config.outbound.allow, &kit.config.outbound.mirrors),
            clients: kit.clients.clone(),
            stop: kit.tasks.stop_sign(),
        })
    }
}

hearth_kit::impl_request_context!(Cx, BuildsSettings);
