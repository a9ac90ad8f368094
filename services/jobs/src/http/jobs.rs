//! A tool's jobs.

use hearth_kit::{Answer, Authed, Json, Query, Reply};
use hearth_wire::{
    jobs::{Emails, JobChanged, JobCreate, JobOne, JobsList, JobsQuery},
    reply::{Done, Named},
};

use super::of;
use crate::{
    app,
    cx::Cx,
    rights::{JobsRead, JobsWrite},
    store::JobSpec,
};

const NO_MAIL: &str = "this Hearth sends no mail: whoever runs it has set no mail server ([notify.smtp]); \
                       webhooks work: hearth webhooks create";

/// The tool's jobs by name, all of them.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs", tag = "jobs", operation_id = "jobs.list",
    params(("tool" = String, Path, description = "its name"), JobsQuery),
    responses((status = 200, body = Named<JobsList>)))]
pub async fn list(cx: Cx, tool: Authed<JobsRead>, Query(query): Query<JobsQuery>) -> Reply<JobsList> {
    let jobs = app::view::show::all(&cx, of(&tool), query.include_unset.unwrap_or(true)).await?;
    Ok(Answer::named(JobsList { jobs }))
}

/// Make a job. One of that name that is over is replaced.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs", tag = "jobs", operation_id = "jobs.create",
    params(("tool" = String, Path, description = "its name")), request_body = JobCreate,
    responses((status = 201, body = Named<JobOne>),
        (status = 404, description = "there is no such image"),
        (status = 409, description = "there is a job of that name that is not over, or another page"),
        (status = 429, description = "more than the tool may use")))]
pub async fn create(cx: Cx, tool: Authed<JobsWrite>, Json(create): Json<JobCreate>) -> Reply<JobOne> {
    let mail = create.emails;
    let job = app::jobs::create::create(&cx, of(&tool), JobSpec::from_create(create)?).await?;
    let job = app::view::show::one(&cx, of(&tool), &job.name, true).await?;
    Ok(with_mail(&cx, Answer::named(JobOne { job }).status(axum::http::StatusCode::CREATED), mail).await)
}

/// Make a job, or make it as this says. Only what is said counts as a difference.
#[utoipa::path(patch, path = "/jobs/v1/tool/{tool}/jobs", tag = "jobs", operation_id = "jobs.update",
    params(("tool" = String, Path, description = "its name")), request_body = JobCreate,
    responses((status = 200, body = Named<JobChanged>),
        (status = 404, description = "there is no such image"),
        (status = 409, description = "somebody else changed it just now, or there is another page"),
        (status = 429, description = "more than the tool may use")))]
pub async fn update(cx: Cx, tool: Authed<JobsWrite>, Json(create): Json<JobCreate>) -> Reply<JobChanged> {
    let (name, mail) = (create.name.clone(), create.emails);
    let job_changed = app::jobs::create::update(&cx, of(&tool), JobSpec::from_create(create)?).await?;
    let said = if job_changed { "changed" } else { "as it was" };
    let answer = Answer::named(JobChanged { job_changed }).info(format!("the job {name} is {said}"));
    Ok(with_mail(&cx, answer, mail).await)
}

/// Stop and delete all jobs of the tool.
#[utoipa::path(delete, path = "/jobs/v1/tool/{tool}/jobs", tag = "jobs", operation_id = "jobs.flush",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Named<Done>)))]
pub async fn flush(cx: Cx, tool: Authed<JobsWrite>) -> Reply<Done> {
    app::jobs::delete::all(&cx, of(&tool)).await?;
    Ok(Answer::named(Done {}))
}

/// Warns whoever asks for mail where none is sent.
async fn with_mail<T>(cx: &Cx, answer: Answer<T>, mail: Option<Emails>) -> Answer<T> {
    let asked = matches!(mail, Some(Emails::All | Emails::OnFinish | Emails::OnFailure));
    if asked && !cx.neighbours.sends_mail().await { answer.warning(NO_MAIL) } else { answer }
}
