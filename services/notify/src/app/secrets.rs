//! Getting ready: the keys are read, and secrets that a former key closed are closed anew.

use hearth_base::Result;

use crate::{cx::Cx, store::Store};

/// Reads the keys and brings every secret to the one in use. A start that breaks off goes on at the next one.
pub async fn prepare(cx: &Cx) -> Result<()> {
    cx.vault.open(&cx.store.keys().await?)?;
    let current = cx.vault.current()?;
    loop {
        let tx = cx.store.begin().await?;
        let former = Store::closed_otherwise(&tx, current).await?;
        if former.is_empty() {
            return Ok(());
        }
        for mut webhook in former {
            let secret = cx.vault.open_value(webhook.place(), &webhook.secret)?;
            webhook.secret = cx.vault.close(webhook.place(), &secret)?;
            cx.store.webhook_put(&tx, &webhook).await?;
        }
        tx.commit().await?;
    }
}
