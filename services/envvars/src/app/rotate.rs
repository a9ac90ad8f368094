//! Getting ready: the keys are read, and values that a former key closed are closed anew.

use hearth_base::Result;
use hearth_kit::tool_state::{ToolState, lock_tool};

use crate::{cx::Cx, store::Held};

/// Reads the keys and brings every value to the one in use. A start that breaks off goes on at the next one.
pub async fn prepare(cx: &Cx) -> Result<()> {
    cx.vault.open(&cx.store.keys().await?)?;
    let current = cx.vault.current()?;
    loop {
        let former = cx.store.closed_otherwise(current).await?;
        if former.is_empty() {
            return Ok(());
        }
        for place in former {
            let tx = cx.store.begin().await?;
            // Meanwhile another process may have changed it, or ended its tool.
            if lock_tool(&tx, place.tool).await? == ToolState::Deleted {
                continue;
            }
            let Some(mut kept) = cx.store.one_in(&tx, &place).await? else { continue };
            if let Held::Closed(closed) = &kept.held {
                let value = cx.vault.open_value(&kept.place, closed)?;
                kept.held = Held::Closed(cx.vault.close(&kept.place, &value)?);
                cx.store.put(&tx, &kept, false).await?;
                tx.commit().await?;
            }
        }
    }
}
