//! The names in which jobs rely on their images.

use hearth_base::Result;

use crate::{
    app::definition::Of,
    cx::Cx,
    store::{Image, JobId},
};

/// The name in which a job relies on an image.
pub fn holder(job: JobId, image: &Image) -> String {
    let digest = image.digest.to_string();
    format!("jobs:{job}:{}", digest.trim_start_matches("sha256:").get(..16).unwrap_or_default())
}

/// Returns whether a job relies on its image in this name, now: its tag may have been moved there and back.
pub async fn is_holder(cx: &Cx, name: &str) -> Result<bool> {
    let id = name.split(':').nth(1).and_then(|id| id.parse().ok());
    let Some(id) = id else { return Ok(false) };
    let job = cx.store.job_by_id(id).await?;
    Ok(job.is_some_and(|job| holder(job.id, &job.image) == name))
}

/// Relies on an image: from now on it stays.
pub async fn pin(cx: &Cx, of: Of<'_>, job: JobId, image: &Image) -> Result<()> {
    cx.neighbours.pin(&holder(job, image), of.tool, image.digest).await
}
