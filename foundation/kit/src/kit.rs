//! What a service is given to stand on.

use std::{collections::BTreeMap, sync::Arc};

use axum::http::HeaderMap;
use hearth_base::{Clock, Entropy, Error, KeyRing, LifeId, Result, Role, RoleKey};
use hearth_client::{Authority, Client, ServiceAuthority, Transport};

use crate::{
    config::{Config, Settings},
    db::{
        Db,
        queue::{LeaseHolder, Queue},
    },
    log_error,
    state::StateFolder,
    tasks::Tasks,
    telemetry::Metrics,
};

/// What a service is given to stand on. One per role of a process.
#[derive(Clone)]
pub struct Kit {
    /// The role that this kit is for.
    pub role: Role,
    /// What the operator has set.
    pub config: Arc<Config>,
    /// The state folder.
    pub state: StateFolder,
    /// This process in its role, from its start to its end.
    pub life: LifeId,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<Entropy>,
    /// The role's own key.
    pub key: RoleKey,
    /// The public keys of all roles.
    pub ring: Arc<KeyRing>,
    /// Calls to other services.
    pub clients: Clients,
    /// Background tasks of the process.
    pub tasks: Tasks,
    /// The service's metrics.
    pub metrics: Metrics,
    /// The service's database; absent for a role that keeps nothing.
    pub db: Option<Db>,
}

impl Kit {
    /// The queue in the service's database.
    pub fn queue(&self) -> Result<Queue> {
        Ok(Queue::new(self.db()?.clone(), self.clock.clone(), self.holder())
            .with_metrics(self.metrics.queue()))
    }

    /// The holder of leases in this process. Where nobody can tell this folder from others, what a process leaves behind is
    /// taken up when its leases have run out.
    pub fn holder(&self) -> Option<LeaseHolder> {
        if self.state.is_nowhere() {
            return None;
        }
        match self.state.place() {
            Ok(place) => Some(LeaseHolder { role: self.role, place, life: self.life }),
            Err(error) => {
                log_error!(&error, "state folder not identified; leases of a killed process must expire");
                None
            }
        }
    }

    /// The service's own section of the configuration.
    pub fn settings<S: Settings>(&self) -> Arc<S> {
        self.config.section()
    }

    /// The service's database.
    pub fn db(&self) -> Result<&Db> {
        self.db.as_ref().ok_or_else(|| Error::internal(format!("the role {} has no database", self.role)))
    }
}

/// Calls to other services in the name of one role.
#[derive(Clone)]
pub struct Clients {
    transports: Arc<BTreeMap<Role, Transport>>,
    authority: Arc<ServiceAuthority>,
}

impl Clients {
    /// Calls by `transports` in the name of the role of `key`.
    pub fn new(transports: Arc<BTreeMap<Role, Transport>>, key: RoleKey, clock: Arc<dyn Clock>) -> Self {
        Self { transports, authority: Arc::new(ServiceAuthority::new(key, clock)) }
    }

    /// How requests travel to a service.
    pub fn transport(&self, role: Role) -> Result<&Transport> {
        self.transports.get(&role).ok_or_else(|| {
            Error::unavailable("no-such-service", format!("this Hearth has no {role}"))
                .help(format!("add the role {role}, or say where it is in [services.{role}]"))
        })
    }

    /// What requests in the name of this role show.
    pub(crate) fn authority(&self) -> Arc<dyn Authority> {
        self.authority.clone()
    }

    /// Shows a service that a request comes from this role.
    pub fn authorize(&self, service: Role, headers: &mut HeaderMap) -> Result<()> {
        self.authority.authorize(service, headers)
    }

    /// A client of a service.
    pub fn of(&self, role: Role) -> Result<Client> {
        Ok(Client::of(role, self.transport(role)?.clone(), self.authority.clone()))
    }
}
