//! Handlers: extract, call a rule, reply.

use axum::http::StatusCode;
use hearth_base::{Access, EnvvarName, ToolId};
use hearth_kit::{Answer, Authed, Json, Param, Reply};
use hearth_wire::{
    envvars::{Envvar, EnvvarOne, EnvvarsList, EnvvarsQuotaOne},
    reply::Named,
};

use crate::{
    app,
    cx::Cx,
    rights::{EnvvarsRead, EnvvarsWrite, GiveOut},
};

/// All variables of the tool, by name. Whoever may not change them sees no values.
#[utoipa::path(get, path = "/envvars/v1/tool/{tool}/envvars", tag = "envvars", operation_id = "envvars.list",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Named<EnvvarsList>)))]
pub async fn list(cx: Cx, tool: Authed<EnvvarsRead>) -> Reply<EnvvarsList> {
    if tool.access >= Access::Write {
        return Ok(Answer::named(EnvvarsList { envvars: app::list(&cx, tool.id).await? }));
    }
    let hidden = "values are hidden: they are for those who may change them";
    Ok(Answer::named(EnvvarsList { envvars: app::names(&cx, tool.id).await? }).warning(hidden))
}

/// One variable.
#[utoipa::path(get, path = "/envvars/v1/tool/{tool}/envvars/{envvar}", tag = "envvars",
    operation_id = "envvars.show",
    params(("tool" = String, Path, description = "its name"), ("envvar" = String, Path, description = "which")),
    responses((status = 200, body = Named<EnvvarOne>), (status = 404, description = "there is no such envvar")))]
pub async fn show(cx: Cx, tool: Authed<EnvvarsWrite>, Param(name): Param<EnvvarName>) -> Reply<EnvvarOne> {
    Ok(Answer::named(EnvvarOne { envvar: app::show(&cx, tool.id, &name).await? }))
}

/// Make a variable, or give it another value. Runs that are under way keep what they were started with.
#[utoipa::path(post, path = "/envvars/v1/tool/{tool}/envvars", tag = "envvars",
    operation_id = "envvars.create", params(("tool" = String, Path, description = "its name")),
    request_body = Envvar,
    responses((status = 200, body = Named<EnvvarOne>, description = "it has another value"),
        (status = 201, body = Named<EnvvarOne>), (status = 409, description = "the quota is used up"),
        (status = 413, description = "too large")))]
pub async fn create(cx: Cx, tool: Authed<EnvvarsWrite>, Json(envvar): Json<Envvar>) -> Reply<EnvvarOne> {
    let app::Put { envvar, created, warnings } = app::put(&cx, tool.id, envvar).await?;
    let answer = Answer::named(EnvvarOne { envvar });
    let answer = if created { answer.status(StatusCode::CREATED) } else { answer };
    Ok(warnings.into_iter().fold(answer, Answer::warning))
}

/// Delete a variable. The answer has its last value.
#[utoipa::path(delete, path = "/envvars/v1/tool/{tool}/envvars/{envvar}", tag = "envvars",
    operation_id = "envvars.delete",
    params(("tool" = String, Path, description = "its name"), ("envvar" = String, Path, description = "which")),
    responses((status = 200, body = Named<EnvvarOne>), (status = 404, description = "there is no such envvar")))]
pub async fn delete(cx: Cx, tool: Authed<EnvvarsWrite>, Param(name): Param<EnvvarName>) -> Reply<EnvvarOne> {
    Ok(Answer::named(EnvvarOne { envvar: app::delete(&cx, tool.id, &name).await? }))
}

/// How many variables the tool may have, and has.
#[utoipa::path(get, path = "/envvars/v1/tool/{tool}/quotas", tag = "envvars", operation_id = "envvars.quota",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Named<EnvvarsQuotaOne>)))]
pub async fn quota(cx: Cx, tool: Authed<EnvvarsRead>) -> Reply<EnvvarsQuotaOne> {
    Ok(Answer::named(EnvvarsQuotaOne { quota: app::quota(&cx, tool.id).await? }))
}

/// All variables of a tool, for a run or build that is about to start.
#[utoipa::path(get, path = "/envvars/v1/internal/tools/{tool}", tag = "internal",
    operation_id = "envvars.internal_of_tool", params(("tool" = String, Path, description = "its id")),
    responses((status = 200, body = Named<EnvvarsList>)))]
pub async fn of_tool(cx: Cx, _: Authed<GiveOut>, Param(tool): Param<ToolId>) -> Reply<EnvvarsList> {
    cx.given_out.inc();
    Ok(Answer::named(EnvvarsList { envvars: app::list(&cx, tool).await? }))
}
