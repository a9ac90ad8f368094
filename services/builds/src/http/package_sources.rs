//! Endpoints for package sources.

use hearth_base::PackageSourceName;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, audit::ChangeAuthor};
use hearth_wire::{
    builds::{PackageSourceList, PackageSourceOne, PackageSourcePut, ToolPackageSourceList},
    reply::{Done, Named},
};

use crate::{
    app,
    context::BuildsContext,
    rights::{BuildsRead, CheckPackageSources, GrantPackageSources, OperatePackageSources},
};

/// List the package sources.
#[utoipa::path(get, path = "/builds/v1/package-sources", tag = "builds", operation_id = "builds.package_sources",
    responses((status = 200, body = Named<PackageSourceList>)))]
pub async fn list(cx: BuildsContext, _: Authed<OperatePackageSources>) -> ApiResult<PackageSourceList> {
    let package_sources = app::package_sources::list_package_sources(&cx).await?;
    Ok(ApiResponse::ok_named(PackageSourceList { package_sources }))
}

/// Show a package source.
#[utoipa::path(get, path = "/builds/v1/package-sources/{package_source}", tag = "builds",
    operation_id = "builds.package_source_show",
    params(("package_source" = String, Path, description = "name of the package source")),
    responses((status = 200, body = Named<PackageSourceOne>), (status = 404, description = "the package source does not exist")))]
pub async fn show(
    cx: BuildsContext,
    _: Authed<OperatePackageSources>,
    Param(name): Param<PackageSourceName>,
) -> ApiResult<PackageSourceOne> {
    let package_source = app::package_sources::show_package_source(&cx, &name).await?;
    Ok(ApiResponse::ok_named(PackageSourceOne { package_source }))
}

/// Add a package source, or replace its content. Builds that begin afterwards get it.
#[utoipa::path(put, path = "/builds/v1/package-sources/{package_source}", tag = "builds",
    operation_id = "builds.package_source_put", request_body = PackageSourcePut,
    params(("package_source" = String, Path, description = "name of the package source")),
    responses((status = 200, body = Named<PackageSourceOne>)))]
pub async fn put_source(
    cx: BuildsContext,
    operator: Authed<OperatePackageSources>,
    Param(name): Param<PackageSourceName>,
    Json(put): Json<PackageSourcePut>,
) -> ApiResult<PackageSourceOne> {
    let author = ChangeAuthor::from_authed(&operator);
    let package_source = app::package_sources::put_package_source(&cx, &author, &name, put).await?;
    tracing::warn!(source = %name, operator = %operator.name, "package source saved by an operator");
    Ok(ApiResponse::ok_named(PackageSourceOne { package_source }))
}

/// Remove a package source and its grants.
#[utoipa::path(delete, path = "/builds/v1/package-sources/{package_source}", tag = "builds",
    operation_id = "builds.package_source_remove",
    params(("package_source" = String, Path, description = "name of the package source")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "the package source does not exist")))]
pub async fn remove_source(
    cx: BuildsContext,
    operator: Authed<OperatePackageSources>,
    Param(name): Param<PackageSourceName>,
) -> ApiResult<Done> {
    app::package_sources::remove_package_source(&cx, &ChangeAuthor::from_authed(&operator), &name).await?;
    tracing::warn!(source = %name, operator = %operator.name, "package source removed by an operator");
    Ok(ApiResponse::ok_named(Done {}))
}

/// List the package sources that the builds of a tool get besides Debian.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/package-sources", tag = "builds",
    operation_id = "builds.tool_package_sources",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<ToolPackageSourceList>)))]
pub async fn list_for_tool(cx: BuildsContext, tool: Authed<BuildsRead>) -> ApiResult<ToolPackageSourceList> {
    let package_sources = app::package_sources::list_tool_sources(&cx, tool.id).await?;
    Ok(ApiResponse::ok_named(ToolPackageSourceList { package_sources }))
}

/// Grant a package source to a tool: its builds get it.
#[utoipa::path(put, path = "/builds/v1/tool/{tool}/package-sources/{package_source}", tag = "builds",
    operation_id = "builds.package_source_grant",
    params(("tool" = String, Path, description = "name of the tool"),
        ("package_source" = String, Path, description = "name of the package source")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "the package source does not exist"),
        (status = 409, description = "the tool has been deleted")))]
pub async fn grant_source(
    cx: BuildsContext,
    tool: Authed<GrantPackageSources>,
    Param(name): Param<PackageSourceName>,
) -> ApiResult<Done> {
    let author = ChangeAuthor::from_authed(&tool);
    app::package_sources::set_grant(&cx, &author, (tool.id, &tool.name), &name, true).await?;
    tracing::warn!(source = %name, tool = %tool.id, "package source granted by an operator");
    Ok(ApiResponse::ok_named(Done {}))
}

/// Take a package source from a tool: its builds no longer get it, unless it is for all tools.
#[utoipa::path(delete, path = "/builds/v1/tool/{tool}/package-sources/{package_source}", tag = "builds",
    operation_id = "builds.package_source_revoke",
    params(("tool" = String, Path, description = "name of the tool"),
        ("package_source" = String, Path, description = "name of the package source")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "the package source does not exist"),
        (status = 409, description = "the tool has been deleted")))]
pub async fn revoke_source(
    cx: BuildsContext,
    tool: Authed<GrantPackageSources>,
    Param(name): Param<PackageSourceName>,
) -> ApiResult<Done> {
    let author = ChangeAuthor::from_authed(&tool);
    app::package_sources::set_grant(&cx, &author, (tool.id, &tool.name), &name, false).await?;
    tracing::warn!(source = %name, tool = %tool.id, "package source revoked by an operator");
    Ok(ApiResponse::ok_named(Done {}))
}

/// Check that a package source exists.
#[utoipa::path(get, path = "/builds/v1/internal/package-sources/{package_source}", tag = "internal",
    operation_id = "builds.internal_package_source",
    params(("package_source" = String, Path, description = "name of the package source")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "the package source does not exist")))]
pub async fn check_source(
    cx: BuildsContext,
    _: Authed<CheckPackageSources>,
    Param(name): Param<PackageSourceName>,
) -> ApiResult<Done> {
    app::package_sources::show_package_source(&cx, &name).await?;
    Ok(ApiResponse::ok_named(Done {}))
}
