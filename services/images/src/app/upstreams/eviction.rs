//! Deletion of content of upstreams: by age, and to make room.

use hearth_base::Result;
use jiff::{SignedDuration, Timestamp};

use crate::{
    app::garbage_collection,
    context::ImagesContext,
    store::UpstreamContent,
    upstream::{Upstream, UpstreamName},
};

/// Deletes what was not used for the longest time, until the upstream's content and the fetches in progress fit its
/// limit. Returns false if they do not, although nothing is left to delete.
pub async fn make_room(cx: &ImagesContext, upstream: &Upstream<'_>) -> Result<bool> {
    let limit = upstream.settings.bytes;
    let mut used = cx.store.sum_upstream_bytes(upstream.name).await?;
    used = used.saturating_add(cx.upstreams.blob_fetches.sum_reserved_bytes(upstream.name));
    while used > limit {
        let oldest = cx.store.list_least_used_content(upstream.name.as_str(), Timestamp::MAX).await?;
        let mut needed = Vec::new();
        for content in oldest {
            if used <= limit {
                break;
            }
            used = used.saturating_sub(content.size);
            needed.push(content);
        }
        if delete_content(cx, upstream.name.as_str(), &needed).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Deletes content and tags of upstreams that were not used for `keep_days`, and those of upstreams that the
/// operator has removed. Called by the garbage collection.
pub async fn collect_upstreams(cx: &ImagesContext) -> Result<()> {
    for name in cx.store.list_stored_upstreams().await? {
        let configured = name.parse::<UpstreamName>().ok();
        let configured = configured.and_then(|name| cx.settings.upstreams.get_key_value(&name));
        let before = match configured {
            Some((_, settings)) => {
                let kept = SignedDuration::from_hours(24 * i64::from(settings.keep_days));
                cx.now().saturating_sub(kept).unwrap_or(Timestamp::MIN)
            }
            None => Timestamp::MAX,
        };
        loop {
            let unused = cx.store.list_least_used_content(&name, before).await?;
            if delete_content(cx, &name, &unused).await? == 0 {
                break;
            }
        }
        let tx = cx.store.begin().await?;
        cx.store.delete_dangling_upstream_tags(&tx, &name).await?;
        tx.commit().await?;
        if let Some((name, settings)) = configured {
            make_room(cx, &Upstream { name, settings }).await?;
        }
    }
    Ok(())
}

/// Deletes content. Returns the number of deleted entries: one that was used meanwhile stays.
async fn delete_content(cx: &ImagesContext, upstream: &str, contents: &[UpstreamContent]) -> Result<usize> {
    if contents.is_empty() {
        return Ok(0);
    }
    let mut deleted = 0;
    let tx = cx.store.begin().await?;
    for content in contents {
        deleted += usize::from(cx.store.delete_upstream_content(&tx, upstream, content).await?);
    }
    tx.commit().await?;
    garbage_collection::delete_garbage(cx).await?;
    Ok(deleted)
}
