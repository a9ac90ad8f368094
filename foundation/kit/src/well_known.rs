//! Endpoints that every service has under each of its prefixes, open to everyone: `/openapi.json`, `/v1/healthz`,
//! `/v1/metrics`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, OpenApi, ResponseBuilder,
    path::{OperationBuilder, PathItem, PathItemBuilder},
};

use crate::{
    guard::Requirement, kit::Kit, log_error, reply::ApiError, route::RoutePrefixes,
    telemetry::OPEN_METRICS_MEDIA_TYPE,
};

const JSON_MEDIA_TYPE: &str = "application/json";

/// Adds the three endpoints to the OpenAPI document, under each of the service's own prefixes.
pub fn describe_routes(document: &mut OpenApi, prefixes: &RoutePrefixes) {
    for prefix in prefixes.list_service_prefixes() {
        let mut add = |path: &str, id: &str, summary: &str, kind: &str| {
            let item = build_path_item(prefix, id, summary, kind);
            document.paths.paths.insert(format!("/{prefix}{path}"), item);
        };
        add("/openapi.json", "openapi", "Show the OpenAPI document of this service", JSON_MEDIA_TYPE);
        add("/v1/healthz", "healthz", "Check the health of the service", JSON_MEDIA_TYPE);
        add("/v1/metrics", "metrics", "Show metrics in the OpenMetrics format", OPEN_METRICS_MEDIA_TYPE);
    }
    for item in document.paths.paths.iter_mut().filter(|(path, _)| is_well_known(path)).map(|(_, item)| item)
    {
        crate::guard::declare_path_right(item, "open", Requirement::Anyone);
    }
}

fn is_well_known(path: &str) -> bool {
    path.ends_with("/openapi.json") || path.ends_with("/v1/healthz") || path.ends_with("/v1/metrics")
}

fn build_path_item(prefix: &str, id: &str, summary: &str, kind: &str) -> PathItem {
    let content = ContentBuilder::new().build();
    let operation = OperationBuilder::new()
        .operation_id(Some(format!("{prefix}.{id}")))
        .tag(prefix)
        .summary(Some(summary))
        .response("200", ResponseBuilder::new().description("that").content(kind, content));
    PathItemBuilder::new().operation(HttpMethod::Get, operation).build()
}

#[derive(Clone)]
struct WellKnownState {
    kit: Kit,
    document: Arc<str>,
}

/// Builds the routes of the three endpoints. `document` is the text of the OpenAPI document.
pub fn build_router<S: Clone + Send + Sync + 'static>(
    kit: &Kit,
    prefixes: &RoutePrefixes,
    document: Arc<str>,
) -> Router<S> {
    let state = WellKnownState { kit: kit.clone(), document };
    let mut router = Router::new();
    for prefix in prefixes.list_service_prefixes() {
        router = router
            .route(&format!("/{prefix}/openapi.json"), get(show_document))
            .route(&format!("/{prefix}/v1/healthz"), get(check_health))
            .route(&format!("/{prefix}/v1/metrics"), get(show_metrics));
    }
    router.with_state(state)
}

async fn show_document(State(state): State<WellKnownState>) -> Response {
    ([(header::CONTENT_TYPE, JSON_MEDIA_TYPE)], state.document.to_string()).into_response()
}

async fn check_health(State(state): State<WellKnownState>) -> Response {
    let result = match &state.kit.db {
        Some(db) => db.check_connection().await,
        None => Ok(()),
    };
    match result {
        Ok(()) => Json(json!({"status": "OK"})).into_response(),
        Err(error) => {
            log_error!(&error, "health check failed");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "ERROR"}))).into_response()
        }
    }
}

async fn show_metrics(State(state): State<WellKnownState>) -> Response {
    match state.kit.metrics.refresh_to_text().await {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS_MEDIA_TYPE)], text).into_response(),
        Err(error) => ApiError(error).into_response(),
    }
}
