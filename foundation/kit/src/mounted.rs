//! A mounted service: the result of a service's `mount` function.

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::HeaderValue,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Result, Role};
use hearth_client::{LocalService, box_body};
use sha2::{Digest, Sha256};
use tower::{ServiceExt, util::BoxCloneSyncService};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    db::Migrations,
    kit::Kit,
    reply::{ApiError, Dialect},
    request_layer::{IdentityCache, RequestLayer, handle_request},
    route::RoutePrefixes,
    spec::{self, InputRules},
    well_known,
    worker::{BoxFuture, Worker},
};

/// A service, ready to be served over HTTP and to be called within the process.
pub struct MountedService {
    /// The role of the service.
    pub role: Role,
    /// The routes of the service, with all middleware.
    pub router: Router,
    /// The service's OpenAPI document.
    pub spec: OpenApi,
    /// The background workers.
    pub workers: Vec<Worker>,
    /// The migrations of its tables.
    pub migrations: Migrations,
    /// A task to run after the migrations and before the first request.
    pub prepare: Option<BoxFuture<Result<()>>>,
}

impl MountedService {
    /// Assembles a service: adds `healthz`, `metrics` and `openapi.json` under each of its prefixes to its routes,
    /// and wraps them in the middleware of every request.
    pub fn new<S>(kit: &Kit, dialect: Dialect, routes: OpenApiRouter<S>, state: S) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        let (router, mut document) = routes.split_for_parts();
        let prefixes = RoutePrefixes::declare_in_document(&mut document, kit.role, dialect);
        well_known::describe_routes(&mut document, &prefixes);
        spec::complete_document(&mut document, &prefixes, dialect);
        let text = serialize_document(&document);
        let router = router.merge(well_known::build_router(kit, &prefixes, text.clone()));
        let request_layer = Arc::new(RequestLayer {
            role: kit.role,
            dialect,
            prefixes,
            document_version: compute_document_version(&text),
            clock: kit.clock.clone(),
            entropy: kit.entropy.clone(),
            key_ring: kit.key_ring.clone(),
            metrics: kit.metrics.clone(),
            identity_cache: IdentityCache::default(),
            input_rules: InputRules::from_document(&document),
        });
        let router = router
            .layer(DefaultBodyLimit::disable())
            .layer(CatchPanicLayer::custom(render_panic))
            .with_state(state)
            .layer(from_fn_with_state(request_layer, handle_request));
        Self {
            role: kit.role,
            router,
            spec: document,
            workers: Vec::new(),
            migrations: Vec::new,
            prepare: None,
        }
    }

    /// Sets the migrations of the service's tables.
    #[must_use]
    pub fn with_migrations(mut self, migrations: Migrations) -> Self {
        self.migrations = migrations;
        self
    }

    /// Sets the task that runs after the migrations and before the first request.
    #[must_use]
    pub fn with_preparation(mut self, task: impl Future<Output = Result<()>> + Send + 'static) -> Self {
        self.prepare = Some(Box::pin(task));
        self
    }

    /// Adds a worker.
    #[must_use]
    pub fn with_worker(mut self, worker: Worker) -> Self {
        self.workers.push(worker);
        self
    }

    /// Wraps the router as an in-process transport for clients.
    pub fn to_local_service(&self) -> LocalService {
        build_local_service(self.router.clone())
    }
}

/// Serializes an OpenAPI document with sorted keys: the same text in every process of a release.
fn serialize_document(document: &OpenApi) -> Arc<str> {
    let mut value = serde_json::to_value(document).unwrap_or_default();
    value.sort_all_objects();
    value.to_string().into()
}

/// Computes the version of an OpenAPI document: the first 8 bytes of the text's SHA-256 digest, in hexadecimal.
fn compute_document_version(document: &str) -> HeaderValue {
    let digest = Sha256::digest(document.as_bytes());
    let text: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"))
}

/// Responds with an internal error when a handler panicked; the process continues.
#[expect(clippy::needless_pass_by_value, reason = "the layer prescribes the signature")]
fn render_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    ApiError(Error::internal(text.unwrap_or_else(|| "a handler panicked".to_owned()))).into_response()
}

/// Wraps a router as an in-process transport for clients.
pub fn build_local_service(router: Router) -> LocalService {
    let service = router
        .map_request(|request: axum::http::Request<hearth_client::Body>| request.map(axum::body::Body::new))
        .map_response(|response: Response| response.map(box_body));
    BoxCloneSyncService::new(service)
}
