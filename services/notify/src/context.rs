//! The context of this service's handlers, rules and workers.

use hearth_base::{Result, Role, ToolId};
use hearth_kit::{
    Kit, RequestContext, ServiceClients, fair_pool::FairPool, outbound::OutboundClient, vault::Vault,
};
use hearth_wire::{accounts::internal::Recipient, reply::Paging};

use crate::{NotifySettings, mailer::Mailer, store::NotifyStore, webhook_backoff::WebhookBackoff};

/// The context of this service's handlers, rules and workers.
#[derive(Clone)]
pub struct NotifyContext {
    base: RequestContext<NotifySettings>,
    pub store: NotifyStore,
    pub vault: Vault,
    pub clients: ServiceClients,
    /// The client of the mail server; `None` if this Hearth sends no mail.
    pub mailer: Option<Mailer>,
    /// The HTTP client for webhooks.
    pub outbound: OutboundClient,
    /// The back-off of webhooks that failed.
    pub webhook_backoff: WebhookBackoff,
    /// The lanes for deliveries, shared by tools.
    pub lanes: FairPool<ToolId>,
}

impl NotifyContext {
    pub fn new(kit: &Kit) -> Result<Self> {
        let base: RequestContext<NotifySettings> = RequestContext::from_kit(kit);
        let smtp = base.settings.smtp.as_ref();
        let mailer =
            smtp.map(|smtp| Mailer::new(smtp, &base.settings, &kit.config.door.domain)).transpose()?;
        let lanes = FairPool::new(base.settings.lane_limits());
        Ok(Self {
            base,
            lanes,
            store: NotifyStore::new(kit.db()?.clone(), kit.create_queue()?),
            vault: Vault::new(kit.role, &kit.state),
            clients: kit.clients.clone(),
            mailer,
            outbound: kit.config.outbound.create_client(),
            webhook_backoff: WebhookBackoff::default(),
        })
    }

    /// Lists the maintainers of a tool who have an address and have not switched mail off, by name.
    pub async fn list_recipients(&self, tool: ToolId) -> Result<Vec<Recipient>> {
        let accounts = self.clients.create_client(Role::Accounts)?;
        let opted_out = self.store.list_opted_out(tool).await?;
        let (mut paging, mut recipients) = (Paging::default(), Vec::new());
        loop {
            let page = accounts.accounts_internal().list_mail_recipients(tool, &paging).await?;
            recipients
                .extend(page.items.into_iter().filter(|recipient| !opted_out.contains(&recipient.user)));
            paging.cursor = page.next;
            if paging.cursor.is_none() {
                return Ok(recipients);
            }
        }
    }
}

hearth_kit::impl_request_context!(NotifyContext, NotifySettings);
