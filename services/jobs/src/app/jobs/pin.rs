//! Pins of images: each job holds one, under a name of its id and the digest.

use hearth_base::Result;

use crate::{
    app::definition::ToolScope,
    context::JobsContext,
    store::{JobId, ResolvedImage},
};

/// Returns the holder name of a job's pin of an image.
pub fn pin_holder(job: JobId, image: &ResolvedImage) -> String {
    let digest = image.digest.to_string();
    format!("jobs:{job}:{}", digest.trim_start_matches("sha256:").get(..16).unwrap_or_default())
}

/// Returns whether a job currently uses its image under this holder name: its tag may have moved away and
/// back.
pub async fn is_current_holder(cx: &JobsContext, name: &str) -> Result<bool> {
    let id = name.split(':').nth(1).and_then(|id| id.parse().ok());
    let Some(id) = id else { return Ok(false) };
    let job = cx.store.find_job_by_id(id).await?;
    Ok(job.is_some_and(|job| pin_holder(job.id, &job.image) == name))
}

/// Pins an image for a job, so that it is not deleted.
pub async fn pin_image(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    job: JobId,
    image: &ResolvedImage,
) -> Result<()> {
    cx.peers.pin_image(&pin_holder(job, image), scope.tool, image.digest).await
}
