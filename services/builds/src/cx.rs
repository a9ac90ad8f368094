//! What handlers and rules of this service stand on.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Clock, Entropy, Result, Role};
use hearth_kit::{Clients, Kit, blobs::Blobs, outbound::Outbound, tasks::Stop};

use crate::{BuildsSettings, store::Store};

/// What handlers and rules of this service stand on.
#[derive(Clone)]
pub struct Cx {
    pub store: Store,
    pub blobs: Blobs,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub settings: Arc<BuildsSettings>,
    pub outbound: Outbound,
    pub clients: Clients,
    pub stop: Stop,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        Ok(Self {
            store: Store::new(kit.db()?.clone(), kit.queue()?),
            blobs: Blobs::of(&kit.state, Role::Builds)?,
            clock: kit.clock.clone(),
            entropy: kit.entropy.clone(),
            settings: kit.settings(),
            outbound: Outbound::new(&kit.config.outbound),
            clients: kit.clients.clone(),
            stop: kit.tasks.stop_sign(),
        })
    }
}

impl FromRequestParts<Cx> for Cx {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, cx: &Cx) -> Result<Self, Infallible> {
        Ok(cx.clone())
    }
}
