//! Public keys of the provenance of images.

use hearth_kit::{ApiResponse, ApiResult, Authed};
use hearth_wire::{builds::provenance::ProvenanceKeys, reply::Named};

use crate::{context::BuildsContext, rights::ReadProvenanceKeys};

/// List the public keys that verify the provenance of images.
#[utoipa::path(get, path = "/builds/v1/provenance-keys", tag = "builds", operation_id = "builds.provenance_keys",
    responses((status = 200, body = Named<ProvenanceKeys>)))]
pub async fn list_keys(cx: BuildsContext, _: Authed<ReadProvenanceKeys>) -> ApiResult<ProvenanceKeys> {
    Ok(ApiResponse::ok_named(cx.signing_keys.list_public_keys()?))
}
