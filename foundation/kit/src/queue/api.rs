//! The queue of a service for operators: `/SERVICE/v1/queue`.

use std::str::FromStr;

use axum::extract::State;
use hearth_base::{Error, PathParam, Result, Role};
use hearth_wire::{
    queue::{QueueEntry, QueueQuery},
    reply::{Data, Listed},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Queue;
use crate::{
    extract::{Param, Query},
    guard::{Authed, Needs, Person, guard},
    reply::{Answer, Reply},
    rights,
    route::operations,
};

rights! {
    /// Looking at the queue of a service, and changing what is in it.
    OperateQueue = "operator", Needs::Operator => Person;
}

#[derive(Clone)]
struct QueueApi {
    role: Role,
    queue: Queue,
}

/// The name of a task.
#[derive(Debug, Clone)]
struct TaskParam(String);

/// The key of an item.
#[derive(Debug, Clone)]
struct ItemParam(String);

impl PathParam for TaskParam {
    const PARAM: &'static str = "task";
}

impl FromStr for TaskParam {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        check_text(text, 64).map(Self)
    }
}

impl PathParam for ItemParam {
    const PARAM: &'static str = "item";
}

impl FromStr for ItemParam {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        check_text(text, 255).map(Self)
    }
}

fn check_text(text: &str, max_characters: usize) -> Result<String> {
    let length = text.chars().count();
    if (1..=max_characters).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Error::invalid(
        "queue-item",
        format!("a task or an item is named by 1 to {max_characters} printable characters"),
    ))
}

/// Adds the routes by which operators see and change the queue of `role` to a service's routes.
pub fn add_routes<S>(routes: OpenApiRouter<S>, role: Role, queue: &Queue) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let prefix = role.name();
    let mut own = OpenApiRouter::new()
        .routes(guard::<OperateQueue, _>(routes!(list)))
        .routes(guard::<OperateQueue, _>(routes!(show, discard)))
        .routes(guard::<OperateQueue, _>(routes!(retry)));
    for item in own.get_openapi_mut().paths.paths.values_mut() {
        for operation in operations(item) {
            operation.tags = Some(vec![prefix.to_owned()]);
            operation.operation_id = operation.operation_id.take().map(|id| format!("{prefix}.{id}"));
        }
    }
    let api = QueueApi { role, queue: queue.clone() };
    routes.merge(OpenApiRouter::new().nest(&format!("/{prefix}"), own.with_state(api)))
}

/// The items of this service's queue.
#[utoipa::path(get, path = "/v1/queue", operation_id = "queue_list", params(QueueQuery),
    responses((status = 200, body = Data<Listed<QueueEntry>>)))]
async fn list(
    State(api): State<QueueApi>,
    _: Authed<OperateQueue>,
    Query(query): Query<QueueQuery>,
) -> Reply<Listed<QueueEntry>> {
    let QueueQuery { task, state, limit, cursor } = query;
    Ok(Answer::page(api.queue.list(task.as_deref(), state, limit, cursor.as_ref()).await?))
}

/// One item of this service's queue.
#[utoipa::path(get, path = "/v1/queue/{task}/{item}", operation_id = "queue_show",
    params(("task" = String, Path, description = "the task"), ("item" = String, Path, description = "the item's key")),
    responses((status = 200, body = Data<QueueEntry>), (status = 404, description = "there is no such item")))]
async fn show(
    State(api): State<QueueApi>,
    _: Authed<OperateQueue>,
    Param(task): Param<TaskParam>,
    Param(item): Param<ItemParam>,
) -> Reply<QueueEntry> {
    Ok(Answer::of(api.queue.show(&task.0, &item.0).await?))
}

/// Make an item due now, with all its attempts again.
#[utoipa::path(post, path = "/v1/queue/{task}/{item}/retry", operation_id = "queue_retry",
    params(("task" = String, Path, description = "the task"), ("item" = String, Path, description = "the item's key")),
    responses((status = 200, body = Data<QueueEntry>), (status = 404, description = "there is no such item"),
        (status = 409, description = "the item is running")))]
async fn retry(
    State(api): State<QueueApi>,
    operator: Authed<OperateQueue>,
    Param(task): Param<TaskParam>,
    Param(item): Param<ItemParam>,
) -> Reply<QueueEntry> {
    let entry = api.queue.retry(&task.0, &item.0).await?;
    log_action(&api, &operator, &entry, "an operator retried a queue item");
    Ok(Answer::of(entry))
}

/// Delete an item for good: what it was to do is not done.
#[utoipa::path(delete, path = "/v1/queue/{task}/{item}", operation_id = "queue_discard",
    params(("task" = String, Path, description = "the task"), ("item" = String, Path, description = "the item's key")),
    responses((status = 200, body = Data<QueueEntry>), (status = 404, description = "there is no such item"),
        (status = 409, description = "the item is running, or its task is periodic")))]
async fn discard(
    State(api): State<QueueApi>,
    operator: Authed<OperateQueue>,
    Param(task): Param<TaskParam>,
    Param(item): Param<ItemParam>,
) -> Reply<QueueEntry> {
    let entry = api.queue.discard(&task.0, &item.0).await?;
    log_action(&api, &operator, &entry, "an operator discarded a queue item");
    Ok(Answer::of(entry))
}

fn log_action(api: &QueueApi, operator: &Person, entry: &QueueEntry, message: &'static str) {
    let (service, task, key) = (api.role.name(), &entry.task, &entry.key);
    let error = entry.last_error.as_deref();
    tracing::warn!(service, task, key, operator = %operator.name, error, "{message}");
}
