//! Endpoints of all jobs of a tool.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Query};
use hearth_wire::{
    jobs::{Emails, JobChanged, JobCreate, JobOne, JobUpdateQuery, JobsList, JobsQuery},
    reply::{Done, Named},
};

use super::to_scope;
use crate::{
    app::{
        self,
        jobs::create::{JobUpsert, SpecComparison},
    },
    context::JobsContext,
    rights::{JobsRead, JobsWrite},
    store::JobSpec,
};

const NO_MAIL_WARNING: &str = "this Hearth sends no mail: its operator has set no mail server ([notify.smtp]); \
                       webhooks work: hearth webhooks create";

/// List all jobs of the tool by name.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs", tag = "jobs", operation_id = "jobs.list",
    params(("tool" = String, Path, description = "name of the tool"), JobsQuery),
    responses((status = 200, body = Named<JobsList>)))]
pub async fn list(
    cx: JobsContext,
    tool: Authed<JobsRead>,
    Query(query): Query<JobsQuery>,
) -> ApiResult<JobsList> {
    let jobs = app::view::show::show_jobs(&cx, to_scope(&tool), query.include_unset.unwrap_or(true)).await?;
    Ok(ApiResponse::ok_named(JobsList { jobs }))
}

/// Create a job. A completed one-off job of that name is replaced.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs", tag = "jobs", operation_id = "jobs.create",
    params(("tool" = String, Path, description = "name of the tool")), request_body = JobCreate,
    responses((status = 201, body = Named<JobOne>),
        (status = 404, description = "the image does not exist"),
        (status = 409, description = "a job of that name has not completed, or the tool has another page"),
        (status = 429, description = "the quota is exceeded")))]
pub async fn create(
    cx: JobsContext,
    tool: Authed<JobsWrite>,
    Json(create): Json<JobCreate>,
) -> ApiResult<JobOne> {
    let mail = create.emails;
    let job = app::jobs::create::create(&cx, to_scope(&tool), JobSpec::from_create(create)?).await?;
    let job = app::view::show::show_job(&cx, to_scope(&tool), &job.name, true).await?;
    Ok(warn_about_mail(
        &cx,
        ApiResponse::ok_named(JobOne { job }).with_status(axum::http::StatusCode::CREATED),
        mail,
    )
    .await)
}

/// Create a job, or change it to these values. Fields that are not set are not compared, unless `exact` is true.
#[utoipa::path(patch, path = "/jobs/v1/tool/{tool}/jobs", tag = "jobs", operation_id = "jobs.update",
    params(("tool" = String, Path, description = "name of the tool"), JobUpdateQuery), request_body = JobCreate,
    responses((status = 200, body = Named<JobChanged>),
        (status = 404, description = "the image does not exist"),
        (status = 409, description = "another request changed the job, or the tool has another page"),
        (status = 429, description = "the quota is exceeded")))]
pub async fn update(
    cx: JobsContext,
    tool: Authed<JobsWrite>,
    Query(query): Query<JobUpdateQuery>,
    Json(create): Json<JobCreate>,
) -> ApiResult<JobChanged> {
    let (name, mail) = (create.name.clone(), create.emails);
    let comparison = if query.exact { SpecComparison::AllFields } else { SpecComparison::SetFields };
    let spec = JobSpec::from_create(create)?;
    let change = app::jobs::create::update(&cx, to_scope(&tool), spec, comparison).await?;
    // Clients of Toolforge look for these words.
    let word = match change {
        JobUpsert::Created => "created",
        JobUpsert::Updated => "updated",
        JobUpsert::Unchanged => "already up to date",
    };
    let job_changed = change != JobUpsert::Unchanged;
    let answer = ApiResponse::ok_named(JobChanged { job_changed }).with_info(format!("job {name} {word}"));
    Ok(warn_about_mail(&cx, answer, mail).await)
}

/// Stop and delete all jobs of the tool.
#[utoipa::path(delete, path = "/jobs/v1/tool/{tool}/jobs", tag = "jobs", operation_id = "jobs.flush",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<Done>)))]
pub async fn flush(cx: JobsContext, tool: Authed<JobsWrite>) -> ApiResult<Done> {
    app::jobs::delete::delete_all_jobs(&cx, to_scope(&tool)).await?;
    Ok(ApiResponse::ok_named(Done {}))
}

/// Adds a warning to the response if the job requests mail and this Hearth sends none.
async fn warn_about_mail<T>(
    cx: &JobsContext,
    answer: ApiResponse<T>,
    mail: Option<Emails>,
) -> ApiResponse<T> {
    let requests_mail = matches!(mail, Some(Emails::All | Emails::OnFinish | Emails::OnFailure));
    if requests_mail && !cx.peers.can_send_mail().await {
        answer.with_warning(NO_MAIL_WARNING)
    } else {
        answer
    }
}
