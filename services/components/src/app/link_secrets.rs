//! Rotation of the key that seals the secrets of linked repositories, at the start of the service.

use hearth_base::Result;

use crate::context::ComponentsContext;

/// Reads the keys and seals every secret with the current key. An interrupted run continues at the next start.
pub async fn reseal_secrets(cx: &ComponentsContext) -> Result<()> {
    cx.vault.load_keys(&cx.store.list_key_ids().await?)?;
    let current = cx.vault.current_key_id()?;
    loop {
        let tx = cx.store.begin().await?;
        let former = cx.store.list_links_sealed_with_other_keys(&tx, current).await?;
        if former.is_empty() {
            return Ok(());
        }
        for mut link in former {
            let secret = cx.vault.decrypt_value(link.secret_place(), &link.secret)?;
            link.secret = cx.vault.encrypt_value(link.secret_place(), &secret)?;
            if let Some(sealed) = &link.status_token {
                let token = cx.vault.decrypt_value(link.status_token_place(), sealed)?;
                link.status_token = Some(cx.vault.encrypt_value(link.status_token_place(), &token)?);
            }
            cx.store.save_link(&tx, &link).await?;
        }
        tx.commit().await?;
    }
}
