//! HTTP handlers: extract, call a rule, reply.

use axum::http::StatusCode;
use hearth_base::{Access, EnvvarName, JobName, ToolId};
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    envvars::{
        EnvvarCreate, EnvvarOne, EnvvarsChange, EnvvarsChanged, EnvvarsChangedOne, EnvvarsList, EnvvarsQuery,
        EnvvarsQuotaOne, EnvvarsScope,
        internal::{EnvvarsAt, EnvvarsGiven, EnvvarsRevisions},
    },
    reply::{Messages, Named},
};

use crate::{
    app,
    context::EnvvarsContext,
    envvar_key::EnvvarKey,
    rights::{EnvvarsForRuns, EnvvarsRead, EnvvarsWrite},
};

/// List variables of the tool, or of one of its jobs, by name. Values are empty without write access.
#[utoipa::path(get, path = "/envvars/v1/tool/{tool}/envvars", tag = "envvars", operation_id = "envvars.list",
    params(("tool" = String, Path, description = "name of the tool"), EnvvarsQuery),
    responses((status = 200, body = Named<EnvvarsList>)))]
pub async fn list(
    cx: EnvvarsContext,
    tool: Authed<EnvvarsRead>,
    Query(query): Query<EnvvarsQuery>,
) -> ApiResult<EnvvarsList> {
    if tool.access >= Access::Write {
        return Ok(ApiResponse::ok_named(EnvvarsList { envvars: app::list(&cx, tool.id, &query).await? }));
    }
    let hidden = "values are hidden: they need write access";
    Ok(ApiResponse::ok_named(EnvvarsList { envvars: app::list_names(&cx, tool.id, &query).await? })
        .with_warning(hidden))
}

/// Show a variable.
#[utoipa::path(get, path = "/envvars/v1/tool/{tool}/envvars/{envvar}", tag = "envvars",
    operation_id = "envvars.show",
    params(("tool" = String, Path, description = "name of the tool"),
        ("envvar" = String, Path, description = "name of the variable"), EnvvarsScope),
    responses((status = 200, body = Named<EnvvarOne>),
        (status = 404, description = "the variable does not exist")))]
pub async fn show(
    cx: EnvvarsContext,
    tool: Authed<EnvvarsWrite>,
    Param(name): Param<EnvvarName>,
    Query(EnvvarsScope { job }): Query<EnvvarsScope>,
) -> ApiResult<EnvvarOne> {
    let key = EnvvarKey { tool: tool.id, job, name };
    Ok(ApiResponse::ok_named(EnvvarOne { envvar: app::show(&cx, &key).await? }))
}

/// Create or update a variable. Runs that have started keep their values.
#[utoipa::path(post, path = "/envvars/v1/tool/{tool}/envvars", tag = "envvars",
    operation_id = "envvars.create",
    params(("tool" = String, Path, description = "name of the tool"), EnvvarsScope),
    request_body = EnvvarCreate,
    responses((status = 200, body = Named<EnvvarOne>, description = "the variable was updated"),
        (status = 201, body = Named<EnvvarOne>), (status = 409, description = "the quota is exceeded"),
        (status = 413, description = "the value or the total size is too large")))]
pub async fn create(
    cx: EnvvarsContext,
    tool: Authed<EnvvarsWrite>,
    Query(EnvvarsScope { job }): Query<EnvvarsScope>,
    Json(envvar): Json<EnvvarCreate>,
) -> ApiResult<EnvvarOne> {
    let name = envvar.name.clone();
    let change = EnvvarsChange { envvars: vec![envvar.into()], ..EnvvarsChange::default() };
    let app::ChangeOutcome { changes, warnings } =
        app::apply_change(&cx, tool.id, job.as_ref(), change).await?;
    let notes = app::build_restart_notes(&cx, tool.id, job.as_ref(), &changes).await;
    let answer = ApiResponse::ok_named(EnvvarOne {
        envvar: app::show(&cx, &EnvvarKey { tool: tool.id, job, name }).await?,
    });
    let answer = if changes.created.is_empty() { answer } else { answer.with_status(StatusCode::CREATED) };
    Ok(add_messages(answer, warnings, notes))
}

/// Change several variables, all or none.
#[utoipa::path(patch, path = "/envvars/v1/tool/{tool}/envvars", tag = "envvars",
    operation_id = "envvars.change",
    params(("tool" = String, Path, description = "name of the tool"), EnvvarsScope),
    request_body = EnvvarsChange,
    responses((status = 200, body = Named<EnvvarsChangedOne>),
        (status = 400, description = "invalid names or values; the error reports all of them"),
        (status = 409, description = "the quota is exceeded"),
        (status = 413, description = "the value or the total size is too large")))]
pub async fn change_many(
    cx: EnvvarsContext,
    tool: Authed<EnvvarsWrite>,
    Query(EnvvarsScope { job }): Query<EnvvarsScope>,
    Json(change): Json<EnvvarsChange>,
) -> ApiResult<EnvvarsChangedOne> {
    let dry_run = change.dry_run;
    let app::ChangeOutcome { changes, warnings } =
        app::apply_change(&cx, tool.id, job.as_ref(), change).await?;
    let mut notes = app::build_restart_notes(&cx, tool.id, job.as_ref(), &changes).await;
    if dry_run {
        notes.info.clear();
    }
    Ok(add_messages(ApiResponse::ok_named(EnvvarsChangedOne { changes }), warnings, notes))
}

/// Delete a variable. The response has its last value, except for a secret.
#[utoipa::path(delete, path = "/envvars/v1/tool/{tool}/envvars/{envvar}", tag = "envvars",
    operation_id = "envvars.delete",
    params(("tool" = String, Path, description = "name of the tool"),
        ("envvar" = String, Path, description = "name of the variable"), EnvvarsScope),
    responses((status = 200, body = Named<EnvvarOne>),
        (status = 404, description = "the variable does not exist")))]
pub async fn delete(
    cx: EnvvarsContext,
    tool: Authed<EnvvarsWrite>,
    Param(name): Param<EnvvarName>,
    Query(EnvvarsScope { job }): Query<EnvvarsScope>,
) -> ApiResult<EnvvarOne> {
    let key = EnvvarKey { tool: tool.id, job, name };
    let envvar = app::delete(&cx, &key).await?;
    let changes = EnvvarsChanged { deleted: vec![key.name.clone()], ..EnvvarsChanged::default() };
    let notes = app::build_restart_notes(&cx, tool.id, None, &changes).await;
    Ok(add_messages(ApiResponse::ok_named(EnvvarOne { envvar }), Vec::new(), notes))
}

/// Adds warnings and messages to a response.
fn add_messages<T>(answer: ApiResponse<T>, warnings: Vec<String>, notes: Messages) -> ApiResponse<T> {
    let answer = warnings.into_iter().chain(notes.warning).fold(answer, ApiResponse::with_warning);
    notes.info.into_iter().fold(answer, ApiResponse::with_info)
}

/// Show the quota and the number of the tool's variables.
#[utoipa::path(get, path = "/envvars/v1/tool/{tool}/quotas", tag = "envvars", operation_id = "envvars.quota",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<EnvvarsQuotaOne>)))]
pub async fn show_quota(cx: EnvvarsContext, tool: Authed<EnvvarsRead>) -> ApiResult<EnvvarsQuotaOne> {
    Ok(ApiResponse::ok_named(EnvvarsQuotaOne { quota: app::show_quota(&cx, tool.id).await? }))
}

/// List all variables of a job's runs, for a run that is about to start.
#[utoipa::path(get, path = "/envvars/v1/internal/tools/{tool}/jobs/{job}", tag = "internal",
    operation_id = "envvars.internal_of_run",
    params(("tool" = String, Path, description = "id of the tool"),
        ("job" = String, Path, description = "name of the job"), EnvvarsAt),
    responses((status = 200, body = Named<EnvvarsGiven>),
        (status = 409, description = "a value of that time is not kept any more")))]
pub async fn list_for_run(
    cx: EnvvarsContext,
    _: Authed<EnvvarsForRuns>,
    Param(tool): Param<ToolId>,
    Param(job): Param<JobName>,
    Query(EnvvarsAt { at }): Query<EnvvarsAt>,
) -> ApiResult<EnvvarsGiven> {
    cx.lists_given_to_runs.inc();
    Ok(ApiResponse::ok_named(app::list_for_run(&cx, tool, &job, at).await?))
}

/// Show the state hashes of the variables of a tool's jobs.
#[utoipa::path(get, path = "/envvars/v1/internal/tools/{tool}/revisions", tag = "internal",
    operation_id = "envvars.internal_revisions", params(("tool" = String, Path, description = "id of the tool")),
    responses((status = 200, body = Named<EnvvarsRevisions>)))]
pub async fn show_revisions(
    cx: EnvvarsContext,
    _: Authed<EnvvarsForRuns>,
    Param(tool): Param<ToolId>,
) -> ApiResult<EnvvarsRevisions> {
    Ok(ApiResponse::ok_named(app::compute_revisions(&cx, tool).await?))
}
