//! API of a service's queue for operators: `/SERVICE/v1/queue`.

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
    guard::{Authed, Requirement, UserCaller, require_right},
    reply::{ApiResponse, ApiResult},
    rights,
    route::list_operations,
};

rights! {
    /// Lists and changes the items of a service's queue.
    OperateQueue = "operator", Requirement::Operator => UserCaller;
}

#[derive(Clone)]
struct QueueApi {
    role: Role,
    queue: Queue,
}

/// Path parameter: name of a task.
#[derive(Debug, Clone)]
struct TaskParam(String);

/// Path parameter: key of an item.
#[derive(Debug, Clone)]
struct ItemParam(String);

impl PathParam for TaskParam {
    const PARAM_NAME: &'static str = "task";
}

impl FromStr for TaskParam {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_name(text, 64).map(Self)
    }
}

impl PathParam for ItemParam {
    const PARAM_NAME: &'static str = "item";
}

impl FromStr for ItemParam {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_name(text, 255).map(Self)
    }
}

fn parse_name(text: &str, max_characters: usize) -> Result<String> {
    let length = text.chars().count();
    if (1..=max_characters).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Error::invalid(
        "queue-item",
        format!("invalid name of a task or an item; 1 to {max_characters} printable characters"),
    ))
}

/// Adds the queue's routes for operators to the routes of the service `role`.
pub fn add_routes<S>(routes: OpenApiRouter<S>, role: Role, queue: &Queue) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let prefix = role.name();
    let mut own = OpenApiRouter::new()
        .routes(require_right::<OperateQueue, _>(routes!(list)))
        .routes(require_right::<OperateQueue, _>(routes!(show, discard_item)))
        .routes(require_right::<OperateQueue, _>(routes!(retry)));
    for item in own.get_openapi_mut().paths.paths.values_mut() {
        for operation in list_operations(item) {
            operation.tags = Some(vec![prefix.to_owned()]);
            operation.operation_id = operation.operation_id.take().map(|id| format!("{prefix}.{id}"));
        }
    }
    let api = QueueApi { role, queue: queue.clone() };
    routes.merge(OpenApiRouter::new().nest(&format!("/{prefix}"), own.with_state(api)))
}

/// List the items of this service's queue.
#[utoipa::path(get, path = "/v1/queue", operation_id = "queue_list", params(QueueQuery),
    responses((status = 200, body = Data<Listed<QueueEntry>>)))]
async fn list(
    State(api): State<QueueApi>,
    _: Authed<OperateQueue>,
    Query(query): Query<QueueQuery>,
) -> ApiResult<Listed<QueueEntry>> {
    let QueueQuery { task, state, limit, cursor } = query;
    Ok(ApiResponse::from_page(api.queue.list(task.as_deref(), state, limit, cursor.as_ref()).await?))
}

/// Show an item of this service's queue.
#[utoipa::path(get, path = "/v1/queue/{task}/{item}", operation_id = "queue_show",
    params(("task" = String, Path, description = "the task"), ("item" = String, Path, description = "the item's key")),
    responses((status = 200, body = Data<QueueEntry>), (status = 404, description = "the item does not exist")))]
async fn show(
    State(api): State<QueueApi>,
    _: Authed<OperateQueue>,
    Param(task): Param<TaskParam>,
    Param(item): Param<ItemParam>,
) -> ApiResult<QueueEntry> {
    Ok(ApiResponse::ok(api.queue.show(&task.0, &item.0).await?))
}

/// Retry an item: make it due now and reset its failed attempts.
#[utoipa::path(post, path = "/v1/queue/{task}/{item}/retry", operation_id = "queue_retry",
    params(("task" = String, Path, description = "the task"), ("item" = String, Path, description = "the item's key")),
    responses((status = 200, body = Data<QueueEntry>), (status = 404, description = "the item does not exist"),
        (status = 409, description = "the item is running")))]
async fn retry(
    State(api): State<QueueApi>,
    operator: Authed<OperateQueue>,
    Param(task): Param<TaskParam>,
    Param(item): Param<ItemParam>,
) -> ApiResult<QueueEntry> {
    let entry = api.queue.retry(&task.0, &item.0).await?;
    log_action(&api, &operator, &entry, "queue item retried by an operator");
    Ok(ApiResponse::ok(entry))
}

/// Discard an item: delete it without processing it.
#[utoipa::path(delete, path = "/v1/queue/{task}/{item}", operation_id = "queue_discard",
    params(("task" = String, Path, description = "the task"), ("item" = String, Path, description = "the item's key")),
    responses((status = 200, body = Data<QueueEntry>), (status = 404, description = "the item does not exist"),
        (status = 409, description = "the item is running, or its task is periodic")))]
async fn discard_item(
    State(api): State<QueueApi>,
    operator: Authed<OperateQueue>,
    Param(task): Param<TaskParam>,
    Param(item): Param<ItemParam>,
) -> ApiResult<QueueEntry> {
    let entry = api.queue.discard_item(&task.0, &item.0).await?;
    log_action(&api, &operator, &entry, "queue item discarded by an operator");
    Ok(ApiResponse::ok(entry))
}

fn log_action(api: &QueueApi, operator: &UserCaller, entry: &QueueEntry, message: &'static str) {
    let (service, task, key) = (api.role.name(), &entry.task, &entry.key);
    let error = entry.last_error.as_deref();
    tracing::warn!(service, task, key, operator = %operator.name, error, "{message}");
}
