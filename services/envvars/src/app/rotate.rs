//! Getting ready: the keys are read, and values that a former key closed are closed anew.

use hearth_base::Result;

use crate::{cx::Cx, store::Store};

/// Reads the keys and brings every value to the one in use. A start that breaks off goes on at the next one.
pub async fn prepare(cx: &Cx) -> Result<()> {
    cx.vault.open(&cx.store.keys().await?)?;
    let current = cx.vault.current()?;
    loop {
        let tx = cx.store.begin().await?;
        let former = Store::closed_otherwise(&tx, current).await?;
        if former.is_empty() {
            return Ok(());
        }
        for (tool, mut kept) in former {
            let value = cx.vault.open_value(tool, &kept.name, &kept.closed)?;
            kept.closed = cx.vault.close(tool, &kept.name, &value)?;
            cx.store.put(&tx, tool, &kept, false, cx.clock.now()).await?;
        }
        tx.commit().await?;
    }
}
