//! Rotation of the key that seals the secrets of outside builders and the credentials of builds that are being announced,
//! at the start of the service.

use hearth_base::{BuildId, Result};

use super::announce::format_credential_context;
use crate::{context::BuildsContext, store::format_secret_context};

/// Reads the keys and seals everything with the current key. An interrupted run continues at the next start.
pub async fn reseal_secrets(cx: &BuildsContext) -> Result<()> {
    let mut needed = cx.store.list_secret_key_ids().await?;
    needed.extend(cx.store.list_credential_key_ids().await?);
    needed.extend(cx.store.list_source_credential_key_ids().await?);
    cx.vault.load_keys(&needed)?;
    let current = cx.vault.current_key_id()?;
    reseal_builder_secrets(cx, current).await?;
    loop {
        let former = cx.store.list_builds_sealed_with_other_keys(current).await?;
        if former.is_empty() {
            return Ok(());
        }
        for id in former {
            reseal_credential(cx, id).await?;
        }
    }
}

async fn reseal_builder_secrets(cx: &BuildsContext, current: &str) -> Result<()> {
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

/// Seals the credential of a build again, with both rows locked: a report of the builder may delete it meanwhile.
async fn reseal_credential(cx: &BuildsContext, id: BuildId) -> Result<()> {
    let tx = cx.store.begin().await?;
    let build = cx.store.lock_build(&tx, id).await?;
    let Some(mut outside) = cx.store.lock_outside_build(&tx, id).await? else { return Ok(()) };
    outside.credential = match (&build, &outside.credential) {
        (Some(build), Some(sealed)) => {
            let context = format_credential_context(id, build.attempt);
            let secret = cx.vault.decrypt_value(&context, sealed)?;
            Some(cx.vault.encrypt_value(&context, &secret)?)
        }
        // A build that is not stored is not announced.
        _ => None,
    };
    cx.store.save_outside_build(&tx, &outside).await?;
    tx.commit().await
}
