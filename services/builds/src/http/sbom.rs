//! Endpoint for the SBOMs of images, for builders only.

use hearth_base::BuildId;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param};
use hearth_wire::{
    builds::internal::SbomUpload,
    reply::{Done, Named},
};

use crate::{app, context::BuildsContext, rights::LeaseBuilds};

/// Attach the SBOM of the image that a leased build has pushed.
#[utoipa::path(put, path = "/builds/v1/internal/builds/{build}/sbom", tag = "internal",
    operation_id = "builds.internal_sbom", request_body = SbomUpload,
    params(("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<Done>), (status = 403, description = "the tool has used its quota of images"),
        (status = 404, description = "the tool has no such image"), (status = 409, description = "the lease is lost")))]
pub async fn store_sbom(
    cx: BuildsContext,
    _: Authed<LeaseBuilds>,
    Param(build): Param<BuildId>,
    Json(upload): Json<SbomUpload>,
) -> ApiResult<Done> {
    app::sbom::store_sbom(&cx, build, upload).await?;
    Ok(ApiResponse::ok_named(Done {}))
}
