//! Reads services' documents.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use axum::http::{HeaderValue, Method};
use futures::future::join_all;
use hearth_base::{Error, Result, Role};
use hearth_client::{Transport, headers};
use hearth_kit::{Kit, config::Door, log_error};
use tokio::sync::Mutex;

use super::table::{Route, ServiceDocument, Table, first_segment};
use crate::identities::without_address;

/// The routes of all services of this Hearth.
pub struct Routes {
    kit: Kit,
    known: RwLock<KnownRoutes>,
    loading: Mutex<BTreeMap<Role, LastRead>>,
}

/// The routes that were read.
#[derive(Default)]
struct KnownRoutes {
    table: Arc<Table>,
    /// The release of each document, as the service's answers name it.
    releases: BTreeMap<Role, HeaderValue>,
}

/// When a document was last asked for, and whether it was read.
struct LastRead {
    at: Instant,
    succeeded: bool,
}

impl Routes {
    /// A document is not asked for more often than this, whatever callers send.
    const RETRY_INTERVAL: Duration = Duration::from_secs(1);

    /// The routes of the services that `kit` reaches, none of them read yet.
    pub fn new(kit: &Kit) -> Self {
        Self { kit: kit.clone(), known: RwLock::default(), loading: Mutex::default() }
    }

    /// The route of a request. `None` when no service answers the path.
    pub async fn find(&self, method: &Method, path: &str) -> Result<Option<Route>> {
        if let Some(route) = self.table().find(method, path, self.door()) {
            return Ok(Some(route));
        }
        let Some(segment) = first_segment(path) else { return Ok(None) };
        self.load_for(segment).await?;
        Ok(self.table().find(method, path, self.door()))
    }

    /// Reads the routes of `service` again after a body was too large for them: the service may have been restarted with
    /// another limit, and no answer of it has shown that yet.
    pub async fn refresh_routes(&self, service: Role) {
        // Within one process the document stays as it was read.
        if !matches!(self.kit.clients.transport(service), Ok(Transport::Local(_))) {
            self.load_documents([service]).await;
        }
    }

    /// Notes the release that an answer of `service` came from. The document of another one is read by the next request.
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

    /// Reads the documents that may tell who answers paths below `segment`.
    async fn load_for(&self, segment: &str) -> Result<()> {
        let reachable = |role: &Role| self.kit.clients.transport(*role).is_ok();
        let named = segment.parse::<Role>().ok();
        let wanted: Vec<Role> = match named {
            Some(Role::Gateway) => return Ok(()),
            Some(named) => {
                // Whoever asks is told which part is not there.
                self.kit.clients.transport(named)?;
                vec![named]
            }
            None => {
                Role::ALL.iter().copied().filter(|role| *role != Role::Gateway).filter(reachable).collect()
            }
        };
        self.load_documents(wanted.iter().copied().filter(|role| !self.table().has(*role))).await;
        let table = self.table();
        if table.answers(segment) || wanted.iter().all(|role| table.has(*role)) {
            return Ok(());
        }
        Err(Error::unavailable("service-unavailable", "a part of this Hearth does not answer now")
            .help("try again in a moment"))
    }

    /// Reads the documents of these services, but for those that were just asked for.
    async fn load_documents(&self, services: impl IntoIterator<Item = Role>) {
        let services: Vec<Role> = services.into_iter().collect();
        if services.is_empty() {
            return;
        }
        let mut last_reads = self.loading.lock().await;
        let (now, table) = (Instant::now(), self.table());
        // One that was read and then found outdated is read again at once.
        let due = services.into_iter().filter(|service| {
            last_reads.get(service).is_none_or(|last| {
                let is_outdated = last.succeeded && !table.has(*service);
                now.duration_since(last.at) >= Self::RETRY_INTERVAL || is_outdated
            })
        });
        let reading = join_all(due.map(async |service| (service, self.read_document(service).await))).await;
        // Counted from the end: a read may take longer than the interval.
        let at = Instant::now();
        for (service, read) in reading {
            last_reads.insert(service, LastRead { at, succeeded: read.is_ok() });
            match read {
                Ok((release, document)) => {
                    let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                    let mut table = (*known.table).clone();
                    table.add(service, document);
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
        let client = self.kit.clients.of(service)?;
        let call = client.call(Method::GET, &format!("/{service}/openapi.json"));
        let (headers, content) = call.bytes().await.map_err(without_address)?;
        let release = headers.get(headers::DOCUMENT).cloned();
        let release = release.ok_or_else(|| Error::internal("the document has no release"))?;
        Ok((release, serde_json::from_slice(&content).map_err(Error::internal)?))
    }

    fn table(&self) -> Arc<Table> {
        self.read_known().table.clone()
    }

    fn read_known(&self) -> std::sync::RwLockReadGuard<'_, KnownRoutes> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn door(&self) -> &Door {
        &self.kit.config.door
    }
}
