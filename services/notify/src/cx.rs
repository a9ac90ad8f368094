//! What handlers, rules and workers of this service stand on.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Clock, Entropy, Id, IdKind, Result, Role, ToolId};
use hearth_kit::{Clients, Kit, outbound::Outbound, vault::Vault};
use hearth_wire::{accounts::internal::Recipient, reply::Paging};
use jiff::Timestamp;

use crate::{NotifySettings, app::deliver::Troubles, mailer::Mailer, store::Store};

/// What handlers, rules and workers of this service stand on.
#[derive(Clone)]
pub struct Cx {
    pub store: Store,
    pub vault: Vault,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub settings: Arc<NotifySettings>,
    pub clients: Clients,
    /// The way to a mail server; absent: this Hearth sends no mail.
    pub mailer: Option<Mailer>,
    /// The way to webhooks.
    pub outbound: Outbound,
    /// The webhooks that are left alone for a while.
    pub troubles: Troubles,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        let settings = kit.settings::<NotifySettings>();
        let mailer = settings.smtp.as_ref();
        Ok(Self {
            store: Store::new(kit.db()?.clone(), kit.queue()?),
            vault: Vault::of(kit.role, &kit.state),
            clock: kit.clock.clone(),
            entropy: kit.entropy.clone(),
            clients: kit.clients.clone(),
            mailer: mailer.map(|smtp| Mailer::new(smtp, &settings, &kit.config.door.domain)).transpose()?,
            outbound: Outbound::new(&kit.config.outbound),
            settings,
            troubles: Troubles::default(),
        })
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new id.
    pub fn id<K: IdKind>(&self) -> Id<K> {
        Id::new(self.now(), &self.entropy)
    }

    /// The maintainers of a tool who have an address and want mail about it, by name.
    pub async fn recipients(&self, tool: ToolId) -> Result<Vec<Recipient>> {
        let accounts = self.clients.of(Role::Accounts)?;
        let off = self.store.off(tool).await?;
        let (mut paging, mut recipients) = (Paging::default(), Vec::new());
        loop {
            let page = accounts.internal().recipients(tool, &paging).await?;
            recipients.extend(page.items.into_iter().filter(|recipient| !off.contains(&recipient.user)));
            paging.cursor = page.next;
            if paging.cursor.is_none() {
                return Ok(recipients);
            }
        }
    }
}

impl FromRequestParts<Cx> for Cx {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, cx: &Cx) -> Result<Self, Infallible> {
        Ok(cx.clone())
    }
}
