//! Calls about mail and webhooks.

use hearth_base::{Result, ToolName, WebhookId};
use hearth_wire::{
    notify::{
        Delivery, Mail, MailSettings, MailSettingsPut, Webhook, WebhookCreate, WebhookPatch, WebhookSecret,
        internal::{AccountMail, Channels},
    },
    reply::{Done, Listed, Paging},
};
use http::Method;

use crate::{Call, Client};

/// Calls to `/notify/v1`.
#[derive(Debug, Clone, Copy)]
pub struct NotifyCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls about mail and webhooks.
    pub fn notify(&self) -> NotifyCalls<'_> {
        NotifyCalls(self)
    }
}

impl NotifyCalls<'_> {
    fn tool_call(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.build_call(method, "/notify/v1/tool").segment(tool)
    }

    fn webhook_call(&self, method: Method, tool: &ToolName, webhook: WebhookId) -> Call<'_> {
        self.tool_call(method, tool).path_suffix("/webhooks").segment(webhook)
    }

    /// Shows the notification channels of this Hearth, for services.
    pub async fn show_channels(&self) -> Result<Channels> {
        self.0.build_call(Method::GET, "/notify/v1/internal/channels").fetch_data().await
    }

    /// Sends a mail of `accounts` to one person.
    pub async fn send_account_mail(&self, mail: &AccountMail) -> Result<Done> {
        let call = self.0.build_call(Method::POST, "/notify/v1/internal/account-mails");
        call.json(mail).fetch_data().await
    }

    /// Shows the mail settings of a tool and its recipients.
    pub async fn show_mail_settings(&self, tool: &ToolName) -> Result<MailSettings> {
        self.tool_call(Method::GET, tool).path_suffix("/mail").fetch_data().await
    }

    /// Switches mail about a tool off or on, for the caller.
    pub async fn update_mail_settings(&self, tool: &ToolName, put: &MailSettingsPut) -> Result<MailSettings> {
        self.tool_call(Method::PUT, tool).path_suffix("/mail").json(put).fetch_data().await
    }

    /// Lists mails about a tool, newest first.
    pub async fn list_mails(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Mail>> {
        self.tool_call(Method::GET, tool).path_suffix("/mails").query(paging).fetch_data().await
    }

    /// Lists the webhooks of a tool, oldest first.
    pub async fn list_webhooks(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Webhook>> {
        self.tool_call(Method::GET, tool).path_suffix("/webhooks").query(paging).fetch_data().await
    }

    /// Creates a webhook.
    pub async fn create_webhook(&self, tool: &ToolName, create: &WebhookCreate) -> Result<WebhookSecret> {
        self.tool_call(Method::POST, tool).path_suffix("/webhooks").json(create).fetch_data().await
    }

    /// Shows a webhook.
    pub async fn show_webhook(&self, tool: &ToolName, webhook: WebhookId) -> Result<Webhook> {
        self.webhook_call(Method::GET, tool, webhook).fetch_data().await
    }

    /// Changes a webhook.
    pub async fn update_webhook(
        &self,
        tool: &ToolName,
        webhook: WebhookId,
        patch: &WebhookPatch,
    ) -> Result<Webhook> {
        self.webhook_call(Method::PATCH, tool, webhook).json(patch).fetch_data().await
    }

    /// Deletes a webhook; its pending deliveries are dropped.
    pub async fn delete_webhook(&self, tool: &ToolName, webhook: WebhookId) -> Result<Done> {
        self.webhook_call(Method::DELETE, tool, webhook).fetch_data().await
    }

    /// Replaces the secret of a webhook.
    pub async fn rotate_webhook_secret(&self, tool: &ToolName, webhook: WebhookId) -> Result<WebhookSecret> {
        self.webhook_call(Method::POST, tool, webhook).path_suffix("/secret").fetch_data().await
    }

    /// Sends a test event to a webhook.
    pub async fn send_test_event(&self, tool: &ToolName, webhook: WebhookId) -> Result<Delivery> {
        self.webhook_call(Method::POST, tool, webhook).path_suffix("/test").fetch_data().await
    }

    /// Lists the deliveries of a webhook, newest first.
    pub async fn list_deliveries(
        &self,
        tool: &ToolName,
        webhook: WebhookId,
        paging: &Paging,
    ) -> Result<Listed<Delivery>> {
        self.webhook_call(Method::GET, tool, webhook)
            .path_suffix("/deliveries")
            .query(paging)
            .fetch_data()
            .await
    }
}
