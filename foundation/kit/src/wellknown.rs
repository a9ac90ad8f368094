//! What every service answers to anyone, under each of its prefixes: `/openapi.json`, `/v1/healthz`,
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

use crate::{guard::Needs, kit::Kit, log_error, reply::Refused, route::Prefixes, telemetry::OPEN_METRICS};

const JSON: &str = "application/json";

/// Documents the three under each of the service's own prefixes.
pub fn describe_routes(document: &mut OpenApi, prefixes: &Prefixes) {
    for prefix in prefixes.own() {
        let mut add = |path: &str, id: &str, summary: &str, kind: &str| {
            let item = item(prefix, id, summary, kind);
            document.paths.paths.insert(format!("/{prefix}{path}"), item);
        };
        add("/openapi.json", "openapi", "This service's part of the API's document", JSON);
        add("/v1/healthz", "healthz", "Whether the service is well", JSON);
        add("/v1/metrics", "metrics", "Counts and times in the OpenMetrics format", OPEN_METRICS);
    }
    for item in document.paths.paths.iter_mut().filter(|(path, _)| is_well_known(path)).map(|(_, item)| item)
    {
        crate::guard::declare_item(item, "open", Needs::Nothing);
    }
}

fn is_well_known(path: &str) -> bool {
    path.ends_with("/openapi.json") || path.ends_with("/v1/healthz") || path.ends_with("/v1/metrics")
}

fn item(prefix: &str, id: &str, summary: &str, kind: &str) -> PathItem {
    let content = ContentBuilder::new().build();
    let operation = OperationBuilder::new()
        .operation_id(Some(format!("{prefix}.{id}")))
        .tag(prefix)
        .summary(Some(summary))
        .response("200", ResponseBuilder::new().description("that").content(kind, content));
    PathItemBuilder::new().operation(HttpMethod::Get, operation).build()
}

#[derive(Clone)]
struct Known {
    kit: Kit,
    document: Arc<str>,
}

/// The routes of the three, with the document's text.
pub fn router<S: Clone + Send + Sync + 'static>(
    kit: &Kit,
    prefixes: &Prefixes,
    document: Arc<str>,
) -> Router<S> {
    let known = Known { kit: kit.clone(), document };
    let mut router = Router::new();
    for prefix in prefixes.own() {
        router = router
            .route(&format!("/{prefix}/openapi.json"), get(openapi))
            .route(&format!("/{prefix}/v1/healthz"), get(healthz))
            .route(&format!("/{prefix}/v1/metrics"), get(metrics));
    }
    router.with_state(known)
}

async fn openapi(State(known): State<Known>) -> Response {
    ([(header::CONTENT_TYPE, JSON)], known.document.to_string()).into_response()
}

async fn healthz(State(known): State<Known>) -> Response {
    let well = match &known.kit.db {
        Some(db) => db.ping().await,
        None => Ok(()),
    };
    match well {
        Ok(()) => Json(json!({"status": "OK"})).into_response(),
        Err(error) => {
            log_error!(&error, "health check failed");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "ERROR"}))).into_response()
        }
    }
}

async fn metrics(State(known): State<Known>) -> Response {
    match known.kit.metrics.to_fresh_text().await {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => Refused(error).into_response(),
    }
}
