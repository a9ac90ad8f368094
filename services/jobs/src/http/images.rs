//! Images that a tool's jobs can use.

use hearth_kit::{ApiResponse, ApiResult, Authed};
use hearth_wire::{
    jobs::{JobImage, JobsImages},
    reply::Named,
};

use crate::{context::JobsContext, rights::JobsRead};

/// List the images that the tool's jobs can use: provided ones, then the tool's own.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/images", tag = "jobs", operation_id = "jobs.image_list",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<JobsImages>)))]
pub async fn list(cx: JobsContext, tool: Authed<JobsRead>) -> ApiResult<JobsImages> {
    let usable = cx.peers.list_images(tool.id).await?.images;
    let images =
        usable.into_iter().map(|image| JobImage { shortname: image.image.clone(), image: image.image });
    Ok(ApiResponse::ok_named(JobsImages { images: images.collect() }))
}
