//! Calls about mail and webhooks.

use hearth_base::{Result, ToolName, WebhookId};
use hearth_wire::{
    notify::{
        Delivery, Mail, MailSettings, MailSettingsPut, Webhook, WebhookCreate, WebhookPatch, WebhookSecret,
        internal::Channels,
    },
    reply::{Done, Listed, Paging},
};
use http::Method;

use crate::{Call, Client};

/// Calls to `/notify/v1`.
#[derive(Debug, Clone, Copy)]
pub struct NotifyCalls<'a>(&'a Client);

impl Client {
    /// Calls about mail and webhooks.
    pub fn notify(&self) -> NotifyCalls<'_> {
        NotifyCalls(self)
    }
}

impl NotifyCalls<'_> {
    fn tool(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.call(method, "/notify/v1/tool").segment(tool)
    }

    fn one(&self, method: Method, tool: &ToolName, webhook: WebhookId) -> Call<'_> {
        self.tool(method, tool).then("/webhooks").segment(webhook)
    }

    /// The channels that this Hearth can send by: for services.
    pub async fn channels(&self) -> Result<Channels> {
        self.0.call(Method::GET, "/notify/v1/internal/channels").data().await
    }

    /// Whether mail about a tool is sent, and to whom.
    pub async fn mail(&self, tool: &ToolName) -> Result<MailSettings> {
        self.tool(Method::GET, tool).then("/mail").data().await
    }

    /// Switches mail about a tool off or on, for the caller.
    pub async fn mail_put(&self, tool: &ToolName, put: &MailSettingsPut) -> Result<MailSettings> {
        self.tool(Method::PUT, tool).then("/mail").json(put).data().await
    }

    /// Mails about a tool, the newest first.
    pub async fn mails(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Mail>> {
        self.tool(Method::GET, tool).then("/mails").query(paging).data().await
    }

    /// A tool's webhooks, the oldest first.
    pub async fn webhooks(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Webhook>> {
        self.tool(Method::GET, tool).then("/webhooks").query(paging).data().await
    }

    /// Makes a webhook.
    pub async fn webhook_create(&self, tool: &ToolName, create: &WebhookCreate) -> Result<WebhookSecret> {
        self.tool(Method::POST, tool).then("/webhooks").json(create).data().await
    }

    /// One webhook.
    pub async fn webhook(&self, tool: &ToolName, webhook: WebhookId) -> Result<Webhook> {
        self.one(Method::GET, tool, webhook).data().await
    }

    /// Changes a webhook.
    pub async fn webhook_patch(
        &self,
        tool: &ToolName,
        webhook: WebhookId,
        patch: &WebhookPatch,
    ) -> Result<Webhook> {
        self.one(Method::PATCH, tool, webhook).json(patch).data().await
    }

    /// Deletes a webhook; what waits for it is not sent.
    pub async fn webhook_delete(&self, tool: &ToolName, webhook: WebhookId) -> Result<Done> {
        self.one(Method::DELETE, tool, webhook).data().await
    }

    /// Gives a webhook another secret.
    pub async fn webhook_rotate(&self, tool: &ToolName, webhook: WebhookId) -> Result<WebhookSecret> {
        self.one(Method::POST, tool, webhook).then("/secret").data().await
    }

    /// Has a webhook told that this is a test.
    pub async fn webhook_test(&self, tool: &ToolName, webhook: WebhookId) -> Result<Delivery> {
        self.one(Method::POST, tool, webhook).then("/test").data().await
    }

    /// What a webhook was or is to be told, the newest first.
    pub async fn deliveries(
        &self,
        tool: &ToolName,
        webhook: WebhookId,
        paging: &Paging,
    ) -> Result<Listed<Delivery>> {
        self.one(Method::GET, tool, webhook).then("/deliveries").query(paging).data().await
    }
}
