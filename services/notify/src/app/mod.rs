//! The rules. No HTTP, no SQL; time is an argument.

mod pace;
mod sign;
mod text;

pub mod deliver;
pub mod gather;
pub mod mail;
pub mod mail_settings;
pub mod secrets;
pub mod take;
pub mod webhooks;

use hearth_base::{Result, ToolId};

use crate::cx::Cx;

/// Erases what a deleted tool had.
pub async fn erase(cx: &Cx, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.erase(&tx, tool).await?;
    tx.commit().await
}
