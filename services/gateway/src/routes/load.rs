//! Loading of services' documents.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use axum::http::{HeaderValue, Method};
use futures::future::join_all;
use hearth_base::{Error, Result, Role};
use hearth_client::{Transport, headers};
use hearth_kit::{Kit, config::DoorSettings, log_error};
use tokio::sync::Mutex;

use super::table::{MatchedRoute, RouteTable, ServiceDocument, first_segment};
use crate::identities::hide_service_address;

/// Routes of all services of this Hearth.
pub struct RouteLoader {
    kit: Kit,
    known: RwLock<KnownRoutes>,
    loading: Mutex<BTreeMap<Role, LastRead>>,
}

/// Routes of the loaded documents.
#[derive(Default)]
struct KnownRoutes {
    table: Arc<RouteTable>,
    /// Release of each document, as named in the service's responses.
    releases: BTreeMap<Role, HeaderValue>,
}

/// Time and success of the last read of a document.
struct LastRead {
    at: Instant,
    succeeded: bool,
}

impl RouteLoader {
    /// Minimum time between two reads of a document, independent of the requests.
    const RETRY_INTERVAL: Duration = Duration::from_secs(1);

    /// Creates an empty set of routes for the services that `kit` reaches.
    pub fn new(kit: &Kit) -> Self {
        Self { kit: kit.clone(), known: RwLock::default(), loading: Mutex::default() }
    }

    /// Finds the route of a request; `None` when no service has the path.
    pub async fn find_route(&self, method: &Method, path: &str) -> Result<Option<MatchedRoute>> {
        if let Some(route) = self.table().find_route(method, path, self.door()) {
            return Ok(Some(route));
        }
        let Some(segment) = first_segment(path) else { return Ok(None) };
        self.load_service_documents(segment).await?;
        Ok(self.table().find_route(method, path, self.door()))
    }

    /// Reloads the routes of `service` after a body exceeded their limit: the service may have restarted with
    /// another limit, and no response has shown that yet.
    pub async fn refresh_routes(&self, service: Role) {
        // Within one process, a document never changes.
        if !matches!(self.kit.clients.find_transport(service), Ok(Transport::Local(_))) {
            self.load_documents([service]).await;
        }
    }

    /// Records the release that a response of `service` came from. After a change, the next request reloads
    /// the document.
    pub fn note_release(&self, service: Role, release: &HeaderValue) {
        let outdated =
            |known: &KnownRoutes| known.releases.get(&service).is_some_and(|known| known != release);
        if outdated(&self.read_known()) {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if outdated(&known) {
                tracing::info!(service = service.name(), "routes changed; will be read again");
                known.releases.remove(&service);
                let mut table = (*known.table).clone();
                table.remove(service);
                known.table = Arc::new(table);
            }
        }
    }

    /// Loads the documents of the services that may own paths below `segment`.
    async fn load_service_documents(&self, segment: &str) -> Result<()> {
        let reachable = |role: &Role| self.kit.clients.find_transport(*role).is_ok();
        let named = segment.parse::<Role>().ok();
        let services: Vec<Role> = match named {
            Some(Role::Gateway) => return Ok(()),
            Some(named) => {
                // An unreachable service is reported by its name.
                self.kit.clients.find_transport(named)?;
                vec![named]
            }
            None => {
                Role::ALL.iter().copied().filter(|role| *role != Role::Gateway).filter(reachable).collect()
            }
        };
        self.load_documents(services.iter().copied().filter(|role| !self.table().has_service(*role))).await;
        let table = self.table();
        if table.has_segment(segment) || services.iter().all(|role| table.has_service(*role)) {
            return Ok(());
        }
        Err(Error::unavailable("service-unavailable", "a service of this Hearth does not respond")
            .help("try again in a moment"))
    }

    /// Loads the documents of these services, except for recently read ones.
    async fn load_documents(&self, services: impl IntoIterator<Item = Role>) {
        let services: Vec<Role> = services.into_iter().collect();
        if services.is_empty() {
            return;
        }
        let mut last_reads = self.loading.lock().await;
        let (now, table) = (Instant::now(), self.table());
        // A document that was read and then became outdated is due at once.
        let due = services.into_iter().filter(|service| {
            last_reads.get(service).is_none_or(|last| {
                let is_outdated = last.succeeded && !table.has_service(*service);
                now.duration_since(last.at) >= Self::RETRY_INTERVAL || is_outdated
            })
        });
        let reading = join_all(due.map(async |service| (service, self.read_document(service).await))).await;
        // Measured from the end, because a read may take longer than the interval.
        let at = Instant::now();
        for (service, read) in reading {
            last_reads.insert(service, LastRead { at, succeeded: read.is_ok() });
            match read {
                Ok((release, document)) => {
                    let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                    let mut table = (*known.table).clone();
                    table.add_document(service, document);
                    known.table = Arc::new(table);
                    known.releases.insert(service, release);
                }
                Err(error) => {
                    log_error!(&error, service = service.name(), "routes not read; will retry");
                }
            }
        }
    }

    async fn read_document(&self, service: Role) -> Result<(HeaderValue, ServiceDocument)> {
        let client = self.kit.clients.create_client(service)?;
        let call = client.build_call(Method::GET, &format!("/{service}/openapi.json"));
        let (headers, content) = call.fetch_bytes().await.map_err(hide_service_address)?;
        let release = headers.get(headers::DOCUMENT_RELEASE_HEADER).cloned();
        let release = release.ok_or_else(|| Error::internal("the document has no release"))?;
        Ok((release, serde_json::from_slice(&content).map_err(Error::internal)?))
    }

    fn table(&self) -> Arc<RouteTable> {
        self.read_known().table.clone()
    }

    fn read_known(&self) -> std::sync::RwLockReadGuard<'_, KnownRoutes> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn door(&self) -> &DoorSettings {
        &self.kit.config.door
    }
}
