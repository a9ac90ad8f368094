//! Getting ready: the keys are read, and values that a former key closed are closed anew.

use hearth_base::Result;

use crate::{
    cx::Cx,
    store::{Held, Store},
};

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
        for mut kept in former {
            if let Held::Closed(closed) = &kept.held {
                let value = cx.vault.open_value(&kept.place, closed)?;
                kept.held = Held::Closed(cx.vault.close(&kept.place, &value)?);
                cx.store.put(&tx, &kept, false).await?;
            }
        }
        tx.commit().await?;
    }
}
