//! Images that a tool's jobs can use.

use hearth_kit::{Answer, Authed, Reply};
use hearth_wire::{
    jobs::{Image, JobsImages},
    reply::Named,
};

use crate::{cx::Cx, rights::JobsRead};

/// Images that the tool's jobs can use: provided ones, then the tool's own.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/images", tag = "jobs", operation_id = "jobs.image_list",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Named<JobsImages>)))]
pub async fn list(cx: Cx, tool: Authed<JobsRead>) -> Reply<JobsImages> {
    let usable = cx.neighbours.images(tool.id).await?.images;
    let images = usable.into_iter().map(|image| Image { shortname: image.image.clone(), image: image.image });
    Ok(Answer::named(JobsImages { images: images.collect() }))
}
