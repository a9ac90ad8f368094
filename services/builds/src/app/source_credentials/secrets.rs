//! Rotation of the key that seals source credentials, at the start of the service.

use hearth_base::Result;

use crate::context::BuildsContext;

/// Seals every credential with the current key. The keys have been loaded. An interrupted run continues at the next start.
pub async fn reseal_secrets(cx: &BuildsContext) -> Result<()> {
    let current = cx.vault.current_key_id()?;
    loop {
        let tx = cx.store.begin().await?;
        let former = cx.store.list_source_credentials_sealed_with_other_keys(&tx, current).await?;
        if former.is_empty() {
            return Ok(());
        }
        for mut credential in former {
            let place = credential.secret_place();
            let secret = cx.vault.decrypt_value(&place, &credential.secret)?;
            credential.secret = cx.vault.encrypt_value(&place, &secret)?;
            cx.store.replace_source_credential(&tx, &credential).await?;
        }
        tx.commit().await?;
    }
}
