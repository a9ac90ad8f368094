//! The rules of mail and webhooks, without HTTP and SQL.

mod mail_text;
mod pace;

pub mod account_mail;
pub mod delivery;
pub mod gather;
pub mod intake;
pub mod mail;
pub mod mail_settings;
pub mod secrets;
pub mod webhooks;

use hearth_base::{Result, ToolId};

use crate::context::NotifyContext;

/// Deletes the data of a deleted tool.
pub async fn delete_tool_data(cx: &NotifyContext, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.delete_tool_data(&tx, tool).await?;
    tx.commit().await
}
