//! Relying on images: what is pinned is not collected.

use hearth_base::{Digest, Error, Kind, Result, ToolId};
use hearth_kit::tool_state::lock_existing_tool;

use crate::{cx::Cx, names::PROVIDED};

/// The most characters in a holder's text.
const LONGEST: usize = 200;

/// Pins a manifest that a tool may use. It is there from here on: the repository's lock, which a collection needs
/// too, is held while the pin is written.
pub async fn put(cx: &Cx, holder: &str, tool: ToolId, digest: Digest) -> Result<()> {
    if holder.is_empty() || holder.len() > LONGEST {
        return Err(Error::invalid("pin-holder", format!("a holder has 1 to {LONGEST} characters")));
    }
    let owners = [tool.to_string(), PROVIDED.to_owned()];
    let mut homes = cx.store.manifest_home(digest, &owners).await?;
    // Whoever locks several does so in one order.
    homes.sort();
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    for home in homes {
        cx.store.repository_locked(&tx, home).await?;
        if cx.store.has_manifest(&tx, home, digest).await? {
            cx.store.pin_put(&tx, holder, tool, digest, cx.now()).await?;
            return tx.commit().await;
        }
    }
    let what = format!("there is no image with the digest {digest} that this tool may use");
    Err(Error::new(Kind::NotFound, "manifest-unknown", what).help("resolve the image again"))
}

/// Lets go of what a holder relied on.
pub async fn delete(cx: &Cx, holder: &str) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.pin_delete(&tx, holder, cx.now()).await?;
    tx.commit().await
}
