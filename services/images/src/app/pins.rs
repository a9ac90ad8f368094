//! Pins: a pinned manifest is not collected.

use hearth_base::{Digest, Error, ErrorKind, Result, ToolId};
use hearth_kit::tool_state::lock_existing_tool;

use crate::{context::ImagesContext, names::PROVIDED_OWNER};

/// Maximum length of a holder, in bytes.
const MAX_HOLDER_BYTES: usize = 200;

/// Pins a manifest that a tool may use. Once this returns, the manifest cannot be collected: the pin is
/// written under the repository's row lock, which garbage collection takes too.
pub async fn put_pin(cx: &ImagesContext, holder: &str, tool: ToolId, digest: Digest) -> Result<()> {
    if holder.is_empty() || holder.len() > MAX_HOLDER_BYTES {
        return Err(Error::invalid(
            "pin-holder",
            format!(
                "the holder has an invalid length: {}; expected 1 to {MAX_HOLDER_BYTES} characters",
                holder.len()
            ),
        ));
    }
    let owners = [tool.to_string(), PROVIDED_OWNER.to_owned()];
    let mut repositories = cx.store.find_manifest_repositories(digest, &owners).await?;
    // Locks are taken in the order of ids, so that two callers cannot deadlock.
    repositories.sort();
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    for repository in repositories {
        cx.store.lock_repository(&tx, repository).await?;
        if cx.store.has_manifest(&tx, repository, digest).await? {
            cx.store.put_pin(&tx, holder, tool, digest, cx.now()).await?;
            return tx.commit().await;
        }
    }
    let what = format!("the tool has no image with the digest {digest}");
    Err(Error::new(ErrorKind::NotFound, "manifest-unknown", what).help("resolve the image again"))
}

/// Deletes a holder's pin.
pub async fn delete_pin(cx: &ImagesContext, holder: &str) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.delete_pin(&tx, holder, cx.now()).await?;
    tx.commit().await
}
