//! Handlers: extract, call a rule, reply.

use axum::http::StatusCode;
use hearth_base::{Access, EnvvarName, JobName, ToolId};
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    envvars::{
        EnvvarCreate, EnvvarOne, EnvvarsChange, EnvvarsChanged, EnvvarsChangedOne, EnvvarsList, EnvvarsQuery,
        EnvvarsQuotaOne, EnvvarsScope,
        internal::{EnvvarsGiven, EnvvarsRevisions},
    },
    reply::{Messages, Named},
};

use crate::{
    app,
    cx::Cx,
    place::Place,
    rights::{EnvvarsRead, EnvvarsWrite, GiveOut},
};

/// Variables of the tool, or of one of its jobs, by name. Whoever may not change them sees no values.
#[utoipa::path(get, path = "/envvars/v1/tool/{tool}/envvars", tag = "envvars", operation_id = "envvars.list",
    params(("tool" = String, Path, description = "its name"), EnvvarsQuery),
    responses((status = 200, body = Named<EnvvarsList>)))]
pub async fn list(
    cx: Cx,
    tool: Authed<EnvvarsRead>,
    Query(query): Query<EnvvarsQuery>,
) -> Reply<EnvvarsList> {
    if tool.access >= Access::Write {
        return Ok(Answer::named(EnvvarsList { envvars: app::list(&cx, tool.id, &query).await? }));
    }
    let hidden = "values are hidden: they are for those who may change them";
    Ok(Answer::named(EnvvarsList { envvars: app::names(&cx, tool.id, &query).await? }).warning(hidden))
}

/// One variable.
#[utoipa::path(get, path = "/envvars/v1/tool/{tool}/envvars/{envvar}", tag = "envvars",
    operation_id = "envvars.show",
    params(("tool" = String, Path, description = "its name"), ("envvar" = String, Path, description = "which"),
        EnvvarsScope),
    responses((status = 200, body = Named<EnvvarOne>), (status = 404, description = "there is no such envvar")))]
pub async fn show(
    cx: Cx,
    tool: Authed<EnvvarsWrite>,
    Param(name): Param<EnvvarName>,
    Query(EnvvarsScope { job }): Query<EnvvarsScope>,
) -> Reply<EnvvarOne> {
    let place = Place { tool: tool.id, job, name };
    Ok(Answer::named(EnvvarOne { envvar: app::show(&cx, &place).await? }))
}

/// Make a variable, or give it another value. Runs that are under way keep what they were started with.
#[utoipa::path(post, path = "/envvars/v1/tool/{tool}/envvars", tag = "envvars",
    operation_id = "envvars.create",
    params(("tool" = String, Path, description = "its name"), EnvvarsScope),
    request_body = EnvvarCreate,
    responses((status = 200, body = Named<EnvvarOne>, description = "it has this value now"),
        (status = 201, body = Named<EnvvarOne>), (status = 409, description = "the quota is used up"),
        (status = 413, description = "too large")))]
pub async fn create(
    cx: Cx,
    tool: Authed<EnvvarsWrite>,
    Query(EnvvarsScope { job }): Query<EnvvarsScope>,
    Json(envvar): Json<EnvvarCreate>,
) -> Reply<EnvvarOne> {
    let name = envvar.name.clone();
    let change = EnvvarsChange { envvars: vec![envvar.into()], ..EnvvarsChange::default() };
    let app::Put { changes, warnings } = app::put(&cx, tool.id, job.as_ref(), change).await?;
    let said = app::say(&cx, tool.id, job.as_ref(), &changes).await;
    let answer =
        Answer::named(EnvvarOne { envvar: app::show(&cx, &Place { tool: tool.id, job, name }).await? });
    let answer = if changes.created.is_empty() { answer } else { answer.status(StatusCode::CREATED) };
    Ok(with(answer, warnings, said))
}

/// Change several variables together, or none of them.
#[utoipa::path(patch, path = "/envvars/v1/tool/{tool}/envvars", tag = "envvars",
    operation_id = "envvars.change",
    params(("tool" = String, Path, description = "its name"), EnvvarsScope),
    request_body = EnvvarsChange,
    responses((status = 200, body = Named<EnvvarsChangedOne>),
        (status = 400, description = "every name and value that cannot be"),
        (status = 409, description = "the quota is used up"), (status = 413, description = "too large")))]
pub async fn change(
    cx: Cx,
    tool: Authed<EnvvarsWrite>,
    Query(EnvvarsScope { job }): Query<EnvvarsScope>,
    Json(change): Json<EnvvarsChange>,
) -> Reply<EnvvarsChangedOne> {
    let dry_run = change.dry_run;
    let app::Put { changes, warnings } = app::put(&cx, tool.id, job.as_ref(), change).await?;
    let mut said = app::say(&cx, tool.id, job.as_ref(), &changes).await;
    if dry_run {
        said.info.clear();
    }
    Ok(with(Answer::named(EnvvarsChangedOne { changes }), warnings, said))
}

/// Delete a variable. The answer has its last value, unless it was a secret.
#[utoipa::path(delete, path = "/envvars/v1/tool/{tool}/envvars/{envvar}", tag = "envvars",
    operation_id = "envvars.delete",
    params(("tool" = String, Path, description = "its name"), ("envvar" = String, Path, description = "which"),
        EnvvarsScope),
    responses((status = 200, body = Named<EnvvarOne>), (status = 404, description = "there is no such envvar")))]
pub async fn delete(
    cx: Cx,
    tool: Authed<EnvvarsWrite>,
    Param(name): Param<EnvvarName>,
    Query(EnvvarsScope { job }): Query<EnvvarsScope>,
) -> Reply<EnvvarOne> {
    let place = Place { tool: tool.id, job, name };
    let envvar = app::delete(&cx, &place).await?;
    let changes = EnvvarsChanged { deleted: vec![place.name.clone()], ..EnvvarsChanged::default() };
    let said = app::say(&cx, tool.id, None, &changes).await;
    Ok(with(Answer::named(EnvvarOne { envvar }), Vec::new(), said))
}

/// An answer with what is to be said beside it.
fn with<T>(answer: Answer<T>, warnings: Vec<String>, said: Messages) -> Answer<T> {
    let answer = warnings.into_iter().chain(said.warning).fold(answer, Answer::warning);
    said.info.into_iter().fold(answer, Answer::info)
}

/// How many variables the tool may have, and has.
#[utoipa::path(get, path = "/envvars/v1/tool/{tool}/quotas", tag = "envvars", operation_id = "envvars.quota",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Named<EnvvarsQuotaOne>)))]
pub async fn quota(cx: Cx, tool: Authed<EnvvarsRead>) -> Reply<EnvvarsQuotaOne> {
    Ok(Answer::named(EnvvarsQuotaOne { quota: app::quota(&cx, tool.id).await? }))
}

/// All variables that runs of a job have, for one that is about to start.
#[utoipa::path(get, path = "/envvars/v1/internal/tools/{tool}/jobs/{job}", tag = "internal",
    operation_id = "envvars.internal_of_run",
    params(("tool" = String, Path, description = "its id"), ("job" = String, Path, description = "its name")),
    responses((status = 200, body = Named<EnvvarsGiven>)))]
pub async fn of_run(
    cx: Cx,
    _: Authed<GiveOut>,
    Param(tool): Param<ToolId>,
    Param(job): Param<JobName>,
) -> Reply<EnvvarsGiven> {
    cx.given_out.inc();
    Ok(Answer::named(app::given(&cx, tool, &job).await?))
}

/// Which state the variables of a tool's jobs are in.
#[utoipa::path(get, path = "/envvars/v1/internal/tools/{tool}/revisions", tag = "internal",
    operation_id = "envvars.internal_revisions", params(("tool" = String, Path, description = "its id")),
    responses((status = 200, body = Named<EnvvarsRevisions>)))]
pub async fn revisions(cx: Cx, _: Authed<GiveOut>, Param(tool): Param<ToolId>) -> Reply<EnvvarsRevisions> {
    Ok(Answer::named(app::revisions(&cx, tool).await?))
}
