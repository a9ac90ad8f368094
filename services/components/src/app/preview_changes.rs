//! The row of a preview of a merge request, the environment `pr-NUMBER`, as deliveries of a forge change it.
//!
//! | event | effect |
//! |---|---|
//! | a merge request is opened, or has new commits | a row; a deployment of the newest commit, as for a push |
//! | its deployment succeeds | the jobs run until `expires_at`; the preview keeps the images |
//! | it is closed or merged | the row is closed; deployments are cancelled, jobs deleted, images unpinned, the row deleted |
//! | `expires_at` passes | `jobs` deletes the jobs; the housekeeping unpins the images and deletes the row |
//!
//! A preview creates no revision: a rollback, a shell or a comparison of the tool never takes code of a merge request.

use hearth_base::{EnvironmentName, PreviewNumber, Result};
use hearth_kit::db::Tx;
use hearth_wire::components::{ForgeDeliveryOutcome, HearthPreviews};
use jiff::SignedDuration;

use crate::{
    context::ComponentsContext,
    store::{PreviewContent, StoredLink, StoredPreview},
};

/// The maximum number of live previews of a tool.
const MAX_LIVE_PREVIEWS: u64 = 10;

/// A change of a preview that a delivery asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewRequest {
    pub number: PreviewNumber,
    pub change: PreviewChange,
}

/// A change of a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewChange {
    /// Its newest commit is to be deployed.
    Deploy,
    /// Its merge request was closed.
    Close,
}

/// Opens or closes a preview in a transaction that has locked its tool. Returns the outcome of the delivery and its reason;
/// [`ForgeDeliveryOutcome::Waiting`] if there is work to do.
pub async fn apply_request(
    cx: &ComponentsContext,
    tx: &Tx,
    link: &StoredLink,
    request: PreviewRequest,
) -> Result<(ForgeDeliveryOutcome, String)> {
    let found = cx.store.lock_preview(tx, link.tool, request.number).await?;
    match request.change {
        PreviewChange::Deploy => open_preview(cx, tx, link, request.number, found).await,
        PreviewChange::Close => close_preview(cx, tx, link, found).await,
    }
}

async fn open_preview(
    cx: &ComponentsContext,
    tx: &Tx,
    link: &StoredLink,
    number: PreviewNumber,
    found: Option<StoredPreview>,
) -> Result<(ForgeDeliveryOutcome, String)> {
    let now = cx.now();
    let (name, is_live) =
        (EnvironmentName::from_preview(number), found.as_ref().is_some_and(|found| found.is_live(now)));
    if found.as_ref().is_some_and(|found| found.link != link.id && found.expires_at > now) {
        let reason =
            format!("{name} is the preview of another linked repository; hearth environments delete {name}");
        return Ok((ForgeDeliveryOutcome::Refused, reason));
    }
    if !is_live && cx.store.count_live_previews(tx, link.tool, now).await? >= MAX_LIVE_PREVIEWS {
        let reason = format!(
            "the tool has {MAX_LIVE_PREVIEWS} previews; more are not allowed; close a merge request, or delete a \
             preview with hearth environments delete, then push another commit"
        );
        return Ok((ForgeDeliveryOutcome::Refused, reason));
    }
    if !is_live {
        // The deployment sets the end that the configuration says.
        let lifetime = SignedDuration::from_secs(HearthPreviews::DEFAULT_LIFETIME_SECONDS.into());
        let content = found.map_or_else(PreviewContent::default, |found| found.content);
        let opened = StoredPreview {
            tool: link.tool,
            number,
            link: link.id,
            expires_at: now + lifetime,
            closed_at: None,
            content,
        };
        cx.store.save_preview(tx, &opened).await?;
    }
    Ok((ForgeDeliveryOutcome::Waiting, String::new()))
}

async fn close_preview(
    cx: &ComponentsContext,
    tx: &Tx,
    link: &StoredLink,
    found: Option<StoredPreview>,
) -> Result<(ForgeDeliveryOutcome, String)> {
    let Some(preview) = found.filter(|found| found.link == link.id) else {
        return Ok((ForgeDeliveryOutcome::Ignored, "the merge request has no preview".to_owned()));
    };
    let closed_at = preview.closed_at.or(Some(cx.now()));
    cx.store.save_preview(tx, &StoredPreview { closed_at, ..preview }).await?;
    Ok((ForgeDeliveryOutcome::Waiting, "the preview is about to be deleted".to_owned()))
}
