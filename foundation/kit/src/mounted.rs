//! A service put together: what `mount` gives back.

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::HeaderValue,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Result, Role};
use hearth_client::{Exchange, body};
use sha2::{Digest, Sha256};
use tower::{ServiceExt, util::BoxCloneSyncService};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    db::Migrations,
    entry::{Entry, Verified, enter},
    kit::Kit,
    reply::{Dialect, Refused},
    route::Prefixes,
    spec, wellknown,
    worker::{BoxFuture, Worker},
};

/// A service, ready to be served and called.
pub struct Mounted {
    /// Which one.
    pub role: Role,
    /// Its routes.
    pub router: Router,
    /// Its part of the API's document.
    pub spec: OpenApi,
    /// What it does beside answering.
    pub workers: Vec<Worker>,
    /// How its tables came to be as they are.
    pub migrations: Migrations,
    /// What is to be done when the tables are up to date and before anybody calls.
    pub prepare: Option<BoxFuture<Result<()>>>,
}

impl Mounted {
    /// Puts a service together: its routes, `healthz`, `metrics` and `openapi.json` under each of its prefixes,
    /// and what happens to every request.
    pub fn new<S>(kit: &Kit, dialect: Dialect, routes: OpenApiRouter<S>, state: S) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        let (router, mut document) = routes.split_for_parts();
        let prefixes = Prefixes::complete(&mut document, kit.role, dialect);
        wellknown::describe_routes(&mut document, &prefixes);
        spec::complete_document(&mut document, &prefixes, dialect);
        let text = text_of(&document);
        let router = router.merge(wellknown::router(kit, &prefixes, text.clone()));
        let entry = Arc::new(Entry {
            role: kit.role,
            dialect,
            prefixes,
            release: release(&text),
            clock: kit.clock.clone(),
            entropy: kit.entropy.clone(),
            ring: kit.ring.clone(),
            metrics: kit.metrics.clone(),
            verified: Verified::default(),
        });
        let router = router
            .layer(DefaultBodyLimit::disable())
            .layer(CatchPanicLayer::custom(panicked))
            .with_state(state)
            .layer(from_fn_with_state(entry, enter));
        Self {
            role: kit.role,
            router,
            spec: document,
            workers: Vec::new(),
            migrations: Vec::new,
            prepare: None,
        }
    }

    /// With the migrations of its tables.
    #[must_use]
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.migrations = migrations;
        self
    }

    /// With something to do when the tables are up to date and before anybody calls.
    #[must_use]
    pub fn prepare(mut self, task: impl Future<Output = Result<()>> + Send + 'static) -> Self {
        self.prepare = Some(Box::pin(task));
        self
    }

    /// With one more worker.
    #[must_use]
    pub fn worker(mut self, worker: Worker) -> Self {
        self.workers.push(worker);
        self
    }

    /// The router as the client of this process calls it.
    pub fn exchange(&self) -> Exchange {
        exchange(self.router.clone())
    }
}

/// A document as text, the same one in every process of a release.
fn text_of(document: &OpenApi) -> Arc<str> {
    let mut value = serde_json::to_value(document).unwrap_or_default();
    value.sort_all_objects();
    value.to_string().into()
}

/// The mark of a service's document: the beginning of the text's digest.
fn release(document: &str) -> HeaderValue {
    let digest = Sha256::digest(document.as_bytes());
    let text: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"))
}

/// A handler that panicked is a defect; the process goes on.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Refused(Error::internal(text.unwrap_or_else(|| "a handler panicked".to_owned()))).into_response()
}

/// A router as the client of this process calls it.
pub fn exchange(router: Router) -> Exchange {
    let service = router
        .map_request(|request: axum::http::Request<hearth_client::Body>| request.map(axum::body::Body::new))
        .map_response(|response: Response| response.map(body));
    BoxCloneSyncService::new(service)
}
