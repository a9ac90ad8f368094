//! One process of Hearth: some roles, mounted, listening, and stopped without dropping anybody.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use hearth_base::{Clock, Entropy, Error, LifeId, Result, Role, SystemClock};
use hearth_client::{Local, Transport};
use hearth_kit::{
    Clients, Kit, Mounted, Service,
    config::{Config, Database},
    db::{Db, migrate},
    keys::KeyFolder,
    server::Listening,
    state::{RoleLock, StateFolder},
    tasks::Tasks,
    telemetry::Metrics,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{services::SERVICES, thrift};

/// A process of Hearth that answers.
pub struct Process {
    tasks: Tasks,
    databases: Vec<Db>,
    door: Option<SocketAddr>,
    _locks: Vec<RoleLock>,
}

impl Process {
    /// Starts these roles. Roles that are not here are reached where the configuration says they are.
    pub async fn start(config: Config, roles: &[Role]) -> Result<Self> {
        let state = StateFolder::open(&config.state)?;
        let locks = roles.iter().map(|role| state.take(*role)).collect::<Result<Vec<_>>>()?;
        let places: BTreeMap<Role, Local> = roles.iter().map(|role| (*role, Local::default())).collect();
        let foundation = Foundation::lay(config, state, &places)?;
        // Sockets first: a port that is taken is found out before anything is changed.
        let sockets = foundation.listen(roles).await?;

        let mut mounted = Vec::new();
        let mut databases = Vec::new();
        for service in SERVICES.iter().filter(|service| roles.contains(&service.role)) {
            let kit = foundation.kit(service).await?;
            databases.extend(kit.db.clone());
            let mut service = (service.mount)(&kit)?;
            if let Some(db) = &kit.db {
                migrate(db, service.migrations).await?;
            }
            if let Some(prepare) = service.prepare.take() {
                prepare.await?;
            }
            mounted.push(service);
        }
        for service in &mounted {
            if let Some(place) = places.get(&service.role) {
                place.fill(service.exchange());
            }
        }
        let door = sockets.get(&Role::Gateway).map(Listening::address);
        serve(&foundation.tasks, mounted, sockets);
        Ok(Self { tasks: foundation.tasks, databases, door, _locks: locks })
    }

    /// The address of the door, when it is here.
    pub fn door(&self) -> Option<SocketAddr> {
        self.door
    }

    /// Answers until the process is told to stop, then ends what is under way.
    pub async fn run(self) -> Result<()> {
        let mut term = signal(SignalKind::terminate()).map_err(Error::internal)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Error::internal)?;
        let stop = self.tasks.stop_sign();
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            () = stop.wait() => {}
            never = thrift::keep() => match never {},
        }
        tracing::info!("stopping");
        if !self.tasks.finish(Duration::from_secs(25)).await {
            tracing::warn!("some tasks did not end in time");
        }
        for db in self.databases {
            if tokio::time::timeout(Duration::from_secs(3), db.close()).await.is_err() {
                tracing::warn!("a database did not close in time");
            }
        }
        Ok(())
    }
}

/// What all roles of a process share.
struct Foundation {
    config: Arc<Config>,
    state: StateFolder,
    keys: KeyFolder,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    tasks: Tasks,
    transports: Arc<BTreeMap<Role, Transport>>,
}

impl Foundation {
    fn lay(config: Config, state: StateFolder, places: &BTreeMap<Role, Local>) -> Result<Self> {
        let mut transports = BTreeMap::new();
        for (role, place) in &config.services {
            transports.insert(*role, Transport::url(&place.url)?);
        }
        for (role, place) in places {
            transports.insert(*role, Transport::Local(place.clone()));
        }
        let keys = KeyFolder::at(state.keys());
        keys.complete()?;
        Ok(Self {
            config: Arc::new(config),
            keys,
            state,
            clock: Arc::new(SystemClock),
            entropy: Arc::default(),
            tasks: Tasks::new(),
            transports: Arc::new(transports),
        })
    }

    async fn kit(&self, service: &Service) -> Result<Kit> {
        let key = self.keys.own(service.role)?;
        let db = match (service.database, &self.config.database) {
            (false, _) => None,
            (true, Database::Files) => Some(Db::open_file(&self.state.databases(), service.role).await?),
            (true, Database::Postgres(url)) => Some(Db::open_postgres(url, service.role).await?),
        };
        Ok(Kit {
            role: service.role,
            config: self.config.clone(),
            state: self.state.clone(),
            life: LifeId::new(self.clock.now(), &self.entropy),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            clients: Clients::new(self.transports.clone(), key.clone(), self.clock.clone()),
            key,
            ring: Arc::new(self.keys.ring()?),
            tasks: self.tasks.clone(),
            metrics: Metrics::new(service.role),
            db,
        })
    }

    /// Opens the door, if it is here, and the inner address of each role that has one.
    async fn listen(&self, roles: &[Role]) -> Result<BTreeMap<Role, Listening>> {
        let mut sockets = BTreeMap::new();
        for role in roles {
            let place = self.config.services.get(role);
            let socket = match (role, place) {
                (Role::Gateway, _) => Listening::open(&self.config.door.listen, "--listen").await?,
                (_, Some(place)) => {
                    Listening::open(&place.listen, &format!("[services.{role}] listen")).await?
                }
                // In one process with the gateway, its transport needs no address.
                (_, None) if roles.contains(&Role::Gateway) => continue,
                (_, None) => {
                    let what = format!("the role {role} has no address to listen on");
                    return Err(Error::invalid("no-address", what)
                        .help(format!("set listen and url in [services.{role}] of the configuration")));
                }
            };
            sockets.insert(*role, socket);
        }
        Ok(sockets)
    }
}

fn serve(tasks: &Tasks, mounted: Vec<Mounted>, mut sockets: BTreeMap<Role, Listening>) {
    for service in mounted {
        for worker in service.workers {
            tasks.start(worker.name, (worker.run)(tasks.stop_sign()));
        }
        if let Some(socket) = sockets.remove(&service.role) {
            tracing::info!(role = service.role.name(), address = %socket.address(), "listening");
            socket.serve(tasks, service.role.name(), service.router);
        }
    }
}
