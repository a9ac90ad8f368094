//! Rotation of the key that seals the secrets of webhooks, at the start of the service.

use hearth_base::Result;

use crate::{context::NotifyContext, store::NotifyStore};

/// Reads the keys and seals every secret with the current key. An interrupted run continues at the next
/// start.
pub async fn reseal_secrets(cx: &NotifyContext) -> Result<()> {
    cx.vault.load_keys(&cx.store.list_key_ids().await?)?;
    let current = cx.vault.current_key_id()?;
    loop {
        let tx = cx.store.begin().await?;
        let former = NotifyStore::list_webhooks_sealed_with_other_keys(&tx, current).await?;
        if former.is_empty() {
            return Ok(());
        }
        for mut webhook in former {
            let secret = cx.vault.decrypt_value(webhook.secret_context(), &webhook.secret)?;
            webhook.secret = cx.vault.encrypt_value(webhook.secret_context(), &secret)?;
            cx.store.save_webhook(&tx, &webhook).await?;
        }
        tx.commit().await?;
    }
}
