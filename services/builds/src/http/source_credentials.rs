//! Endpoints for source credentials.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, audit::ChangeAuthor};
use hearth_wire::{
    builds::{SourceCredentialId, SourceCredentialList, SourceCredentialOne, SourceCredentialPut},
    reply::{Done, Named},
};

use crate::{
    app::source_credentials,
    context::BuildsContext,
    rights::{BuildsRead, BuildsWrite},
};

/// List the credentials of a tool for private repositories, without their secrets.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/source-credentials", tag = "builds",
    operation_id = "builds.source_credentials",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<SourceCredentialList>)))]
pub async fn list(cx: BuildsContext, tool: Authed<BuildsRead>) -> ApiResult<SourceCredentialList> {
    let source_credentials = source_credentials::list_credentials(&cx, tool.id).await?;
    Ok(ApiResponse::ok_named(SourceCredentialList { source_credentials }))
}

/// Set the credential of a tool for an address, or replace it. The secret is never shown.
#[utoipa::path(put, path = "/builds/v1/tool/{tool}/source-credentials", tag = "builds",
    operation_id = "builds.source_credential_put", request_body = SourceCredentialPut,
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<SourceCredentialOne>),
        (status = 400, description = "the address, the user name or the secret is not allowed"),
        (status = 409, description = "there are too many")))]
pub async fn put_credential(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    Json(put): Json<SourceCredentialPut>,
) -> ApiResult<SourceCredentialOne> {
    let author = ChangeAuthor::from_authed(&tool);
    let source_credential =
        source_credentials::put_credential(&cx, &author, (tool.id, &tool.name), put).await?;
    Ok(ApiResponse::ok_named(SourceCredentialOne { source_credential }))
}

/// Delete a credential of a tool. Builds that begin afterwards do not get it.
#[utoipa::path(delete, path = "/builds/v1/tool/{tool}/source-credentials/{credential}", tag = "builds",
    operation_id = "builds.source_credential_delete",
    params(("tool" = String, Path, description = "name of the tool"),
        ("credential" = String, Path, description = "id of the credential")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "the credential does not exist")))]
pub async fn delete(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    Param(id): Param<SourceCredentialId>,
) -> ApiResult<Done> {
    let author = ChangeAuthor::from_authed(&tool);
    source_credentials::delete_credential(&cx, &author, (tool.id, &tool.name), id).await?;
    Ok(ApiResponse::ok_named(Done {}))
}
