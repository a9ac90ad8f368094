//! The context of this service's handlers, rules and workers.

use hearth_base::{Result, Role, ToolId};
use hearth_kit::{Clients, Kit, RequestContext, outbound::Outbound, vault::Vault};
use hearth_wire::{accounts::internal::Recipient, reply::Paging};

use crate::{NotifySettings, mailer::Mailer, store::Store, webhook_backoff::WebhookBackoff};

/// The context of this service's handlers, rules and workers.
#[derive(Clone)]
pub struct Cx {
    base: RequestContext<NotifySettings>,
    pub store: Store,
    pub vault: Vault,
    pub clients: Clients,
    /// The way to a mail server; absent: this Hearth sends no mail.
    pub mailer: Option<Mailer>,
    /// The way to webhooks.
    pub outbound: Outbound,
    /// The pauses of webhooks that failed.
    pub webhook_backoff: WebhookBackoff,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        let base: RequestContext<NotifySettings> = RequestContext::from_kit(kit);
        let smtp = base.settings.smtp.as_ref();
        let mailer =
            smtp.map(|smtp| Mailer::new(smtp, &base.settings, &kit.config.door.domain)).transpose()?;
        Ok(Self {
            base,
            store: Store::new(kit.db()?.clone(), kit.queue()?),
            vault: Vault::of(kit.role, &kit.state),
            clients: kit.clients.clone(),
            mailer,
            outbound: Outbound::new(&kit.config.outbound.allow, &kit.config.outbound.mirrors),
            webhook_backoff: WebhookBackoff::default(),
        })
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

hearth_kit::impl_request_context!(Cx, NotifySettings);
