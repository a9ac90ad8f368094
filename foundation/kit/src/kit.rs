//! The `Kit`: configuration, keys, clients, database and background tasks that a service is mounted with.

use std::{collections::BTreeMap, sync::Arc};

use axum::http::HeaderMap;
use hearth_base::{Clock, Entropy, Error, KeyRing, ProcessInstanceId, Result, Role, RoleKey};
use hearth_client::{Authority, Client, ServiceAuthority, Transport};

use crate::{
    config::{HearthConfig, SectionSettings},
    db::{
        Db,
        queue::{LeaseHolder, Queue},
    },
    log_error,
    state::StateFolder,
    tasks::BackgroundTasks,
    telemetry::ServiceMetrics,
};

/// Configuration, keys, clients, database and background tasks of one role of a process.
#[derive(Clone)]
pub struct Kit {
    /// The role.
    pub role: Role,
    /// The operator's configuration.
    pub config: Arc<HearthConfig>,
    /// The state folder.
    pub state: StateFolder,
    /// Id of this process's life in the role, from start to end.
    pub life: ProcessInstanceId,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<Entropy>,
    /// The role's private key.
    pub key: RoleKey,
    /// The public keys of all roles.
    pub key_ring: Arc<KeyRing>,
    /// Clients of other services.
    pub clients: ServiceClients,
    /// Background tasks of the process.
    pub tasks: BackgroundTasks,
    /// The service's metrics.
    pub metrics: ServiceMetrics,
    /// The service's database; absent for a role without one.
    pub db: Option<Db>,
}

impl Kit {
    /// Creates the handle of the queue in the service's database.
    pub fn create_queue(&self) -> Result<Queue> {
        Ok(Queue::new(self.db()?.clone(), self.clock.clone(), self.create_lease_holder())
            .with_metrics(self.metrics.queue_metrics()))
    }

    /// Creates the identity under which this process holds leases. `None` when the state folder cannot be identified:
    /// then the leases of a killed process must expire before another worker claims its items.
    pub fn create_lease_holder(&self) -> Option<LeaseHolder> {
        if self.state.is_absent() {
            return None;
        }
        match self.state.read_folder_id() {
            Ok(place) => Some(LeaseHolder { role: self.role, folder_id: place, life: self.life }),
            Err(error) => {
                log_error!(&error, "state folder not identified; leases of a killed process have to expire");
                None
            }
        }
    }

    /// The service's own section of the configuration.
    pub fn settings<S: SectionSettings>(&self) -> Arc<S> {
        self.config.read_section()
    }

    /// The service's database.
    pub fn db(&self) -> Result<&Db> {
        self.db.as_ref().ok_or_else(|| Error::internal(format!("the role {} has no database", self.role)))
    }
}

/// Clients of other services, which authenticate as one role.
#[derive(Clone)]
pub struct ServiceClients {
    transports: Arc<BTreeMap<Role, Transport>>,
    authority: Arc<ServiceAuthority>,
}

impl ServiceClients {
    /// Clients over `transports` that authenticate with `key`.
    pub fn new(transports: Arc<BTreeMap<Role, Transport>>, key: RoleKey, clock: Arc<dyn Clock>) -> Self {
        Self { transports, authority: Arc::new(ServiceAuthority::new(key, clock)) }
    }

    /// Finds the transport to a service. Error `no-such-service` (unavailable) when this Hearth does not run it.
    pub fn find_transport(&self, role: Role) -> Result<&Transport> {
        self.transports.get(&role).ok_or_else(|| {
            Error::unavailable("no-such-service", format!("this Hearth does not run the role {role}"))
                .help(format!("add the role {role} to this process, or set its address in [services.{role}]"))
        })
    }

    /// The credentials of this role for requests to other services.
    pub(crate) fn authority(&self) -> Arc<dyn Authority> {
        self.authority.clone()
    }

    /// Adds this role's credentials for `service` to the headers of a request.
    pub fn authorize_request(&self, service: Role, headers: &mut HeaderMap) -> Result<()> {
        self.authority.authorize(service, headers)
    }

    /// Creates a client of a service.
    pub fn create_client(&self, role: Role) -> Result<Client> {
        Ok(Client::for_service(role, self.find_transport(role)?.clone(), self.authority.clone()))
    }
}
