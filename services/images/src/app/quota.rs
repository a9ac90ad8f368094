//! Quota of the registry for each tool, enforced in the transaction that stores something.

use hearth_base::{Error, Result};
use hearth_kit::{db::Tx, log_error, tool_state::lock_existing_tool};
use jiff::SignedDuration;

use super::garbage_collection;
use crate::{context::ImagesContext, names::RepositoryOwner, store::RegistryUsage};

/// Grace period for unused content of a tool that has nearly reached its quota: longer than a push takes
/// between a blob and its manifest, and a job between finding an image and pinning it.
const SHORT_GRACE_PERIOD: SignedDuration = SignedDuration::from_mins(30);
/// Percentage of a limit from which unused content is collected early.
const NEAR_LIMIT_PERCENT: u64 = 90;

/// Code of the error for a tool that has reached its quota.
pub const QUOTA_ERROR_CODE: &str = "registry-quota";

/// Quota of the owner of a repository, read before a transaction begins.
#[derive(Debug, Clone)]
pub struct OwnerQuota {
    owner: RepositoryOwner,
    max_bytes: u64,
}

/// Finds the quota of an owner. Provided images have none.
pub async fn find_quota(cx: &ImagesContext, owner: &RepositoryOwner) -> Result<OwnerQuota> {
    let max_bytes = match owner {
        RepositoryOwner::Provided => u64::MAX,
        RepositoryOwner::Tool(tool, _) => cx.quotas.find_image_bytes(*tool, cx.now()).await?,
    };
    Ok(OwnerQuota { owner: owner.clone(), max_bytes })
}

impl OwnerQuota {
    /// Key of the owner in the database.
    pub fn owner_key(&self) -> String {
        self.owner.owner_key()
    }

    /// Locks the row of the tool, which serializes all that counts for its quota.
    pub async fn lock_owner(&self, tx: &Tx) -> Result<()> {
        match &self.owner {
            RepositoryOwner::Provided => Ok(()),
            RepositoryOwner::Tool(tool, _) => lock_existing_tool(tx, *tool).await,
        }
    }

    /// Fails with [`QUOTA_ERROR_CODE`] (forbidden) when the tool has more than its quota, as seen within the
    /// transaction. Call it after the tool's row is locked and everything is written.
    pub async fn check_usage(&self, cx: &ImagesContext, tx: &Tx) -> Result<()> {
        let RepositoryOwner::Tool(..) = self.owner else { return Ok(()) };
        let usage = cx.store.measure_usage(&**tx, &self.owner.owner_key(), cx.incoming_cutoff()).await?;
        let exceeded = self.list_limits(cx, usage).into_iter().find(|limit| limit.used > limit.max);
        exceeded.map_or(Ok(()), |limit| Err(build_quota_error(&self.owner, &limit)))
    }

    fn list_limits(&self, cx: &ImagesContext, usage: RegistryUsage) -> [QuotaLimit; 6] {
        let settings = &cx.settings;
        let limit = |what, setting, used, max| QuotaLimit { what, setting, used, max };
        [
            limit("bytes", "image-storage of the tool's quota", usage.bytes, self.max_bytes),
            limit("blobs", "images.tool_blobs", usage.blobs, settings.tool_blobs.into()),
            limit("manifests", "images.tool_manifests", usage.manifests, settings.tool_manifests.into()),
            limit("tags", "images.tool_tags", usage.tags, settings.tool_tags.into()),
            limit("images", "images.tool_images", usage.repositories, settings.tool_images.into()),
            limit("unfinished uploads", "images.tool_uploads", usage.uploads, settings.tool_uploads.into()),
        ]
    }
}

/// Collects unused content of a tool that has nearly reached its quota, without waiting for the usual grace
/// period. An error is logged: the following push may still fit.
pub async fn make_room(cx: &ImagesContext, quota: &OwnerQuota) {
    if let Err(error) = collect_if_nearly_full(cx, quota).await {
        log_error!(&error, "unused content of a tool not collected; will retry");
    }
}

async fn collect_if_nearly_full(cx: &ImagesContext, quota: &OwnerQuota) -> Result<()> {
    let RepositoryOwner::Tool(..) = quota.owner else { return Ok(()) };
    let key = quota.owner.owner_key();
    let usage = cx.store.measure_usage(cx.store.reader_connection(), &key, cx.incoming_cutoff()).await?;
    let is_near =
        |limit: &QuotaLimit| limit.used.saturating_mul(100) >= limit.max.saturating_mul(NEAR_LIMIT_PERCENT);
    if !quota.list_limits(cx, usage).iter().any(is_near) {
        return Ok(());
    }
    let now = cx.now();
    let since = now.saturating_sub(SHORT_GRACE_PERIOD.min(cx.grace_period())).unwrap_or(now);
    garbage_collection::collect_owner(cx, &key, since).await?;
    garbage_collection::collect_content(cx, now).await?;
    garbage_collection::delete_garbage(cx).await
}

/// One limit of the quota.
struct QuotaLimit {
    what: &'static str,
    setting: &'static str,
    used: u64,
    max: u64,
}

fn build_quota_error(owner: &RepositoryOwner, limit: &QuotaLimit) -> Error {
    let QuotaLimit { what, setting, used, max } = limit;
    Error::forbidden(
        QUOTA_ERROR_CODE,
        format!("the images of {owner} have reached their quota: {used} {what}; at most {max}"),
    )
    .help(format!(
        "delete images or tags that you no longer need: their content is freed after half an hour; or ask an operator \
         of this Hearth to raise {setting}"
    ))
}
