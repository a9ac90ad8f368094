//! Rotation of the key that seals the secrets of outside builders, at the start of the service.

use hearth_base::Result;

use crate::{context::BuildsContext, store::format_secret_context};

/// Reads the keys and seals every secret with the current key. An interrupted run continues at the next start.
pub async fn reseal_secrets(cx: &BuildsContext) -> Result<()> {
    cx.vault.load_keys(&cx.store.list_secret_key_ids().await?)?;
    let current = cx.vault.current_key_id()?;
    loop {
        let tx = cx.store.begin().await?;
        let former = cx.store.list_builders_sealed_with_other_keys(&tx, current).await?;
        if former.is_empty() {
            return Ok(());
        }
        for mut builder in former {
            let context = format_secret_context(builder.id);
            let secret = cx.vault.decrypt_value(&context, &builder.secret)?;
            builder.secret = cx.vault.encrypt_value(&context, &secret)?;
            cx.store.save_outside_builder(&tx, &builder).await?;
        }
        tx.commit().await?;
    }
}
