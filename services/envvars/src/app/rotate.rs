//! Key rotation at startup: loads the keys and re-encrypts values of former keys.

use hearth_base::Result;
use hearth_kit::tool_state::{ToolState, lock_tool};

use crate::{context::EnvvarsContext, store::StoredValue};

/// Loads the keys and re-encrypts every value with the current key. An interrupted rotation continues at the
/// next start.
pub async fn rotate_keys(cx: &EnvvarsContext) -> Result<()> {
    cx.vault.load_keys(&cx.store.list_key_ids().await?)?;
    let current = cx.vault.current_key_id()?;
    loop {
        let outdated_keys = cx.store.list_closed_by_other_keys(current).await?;
        if outdated_keys.is_empty() {
            return rotate_former_values(cx, current).await;
        }
        for key in outdated_keys {
            let tx = cx.store.begin().await?;
            // Another process may have changed the variable or deleted its tool in the meantime.
            if lock_tool(&tx, key.tool).await? == ToolState::Deleted {
                continue;
            }
            let Some(mut stored) = cx.store.find_in(&tx, &key).await? else { continue };
            if let StoredValue::Encrypted(encrypted) = &stored.value {
                let value = cx.vault.decrypt_value(&stored.key, encrypted)?;
                stored.value = StoredValue::Encrypted(cx.vault.encrypt_value(&stored.key, &value)?);
                cx.store.save_envvar(&tx, &stored, false).await?;
                tx.commit().await?;
            }
        }
    }
}

/// Re-encrypts former values.
async fn rotate_former_values(cx: &EnvvarsContext, current: &str) -> Result<()> {
    loop {
        let outdated = cx.store.list_former_closed_by_other_keys(current).await?;
        if outdated.is_empty() {
            return Ok(());
        }
        for mut stored in outdated {
            let StoredValue::Encrypted(encrypted) = &stored.value else { continue };
            let value = cx.vault.decrypt_value(&stored.key, encrypted)?;
            stored.value = StoredValue::Encrypted(cx.vault.encrypt_value(&stored.key, &value)?);
            let tx = cx.store.begin().await?;
            cx.store.replace_former_value(&tx, &stored).await?;
            tx.commit().await?;
        }
    }
}
