//! One server process: mounts the services of its roles, listens, and shuts down gracefully.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use hearth_base::{Clock, Entropy, Error, ProcessInstanceId, Result, Role, SystemClock};
use hearth_client::{LocalSlot, Transport};
use hearth_kit::{
    Kit, MountedService, Service, ServiceClients,
    config::{DatabaseSettings, HearthConfig},
    db::{Db, migrate},
    keys::KeyFolder,
    server::{ConnectionLimits, HttpListener},
    state::{RoleLock, StateFolder},
    tasks::BackgroundTasks,
    telemetry::ServiceMetrics,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{memory_trim, services::ALL_SERVICES};

/// A running server process.
pub struct ServerProcess {
    tasks: BackgroundTasks,
    databases: Vec<Db>,
    gateway_address: Option<SocketAddr>,
    _locks: Vec<RoleLock>,
}

impl ServerProcess {
    /// Starts the given roles. Clients reach other roles at their configured addresses.
    pub async fn start(config: HearthConfig, roles: &[Role]) -> Result<Self> {
        let state = StateFolder::open(&config.state)?;
        let locks = roles.iter().map(|role| state.lock_role(*role)).collect::<Result<Vec<_>>>()?;
        let local_roles: BTreeMap<Role, LocalSlot> =
            roles.iter().map(|role| (*role, LocalSlot::default())).collect();
        let resources = ProcessResources::open(config, state, &local_roles)?;
        // Sockets come first, so that a port conflict is found before any database is changed.
        let sockets = resources.open_listeners(roles).await?;

        let mut mounted = Vec::new();
        let mut databases = Vec::new();
        for service in ALL_SERVICES.iter().filter(|service| roles.contains(&service.role)) {
            let kit = resources.build_kit(service).await?;
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
            if let Some(local) = local_roles.get(&service.role) {
                local.set_router(service.to_local_service());
            }
        }
        let gateway_address = sockets.get(&Role::Gateway).map(HttpListener::address);
        spawn_services(&resources.tasks, mounted, sockets);
        Ok(Self { tasks: resources.tasks, databases, gateway_address, _locks: locks })
    }

    /// The address of the gateway, if this process has its role.
    pub fn gateway_address(&self) -> Option<SocketAddr> {
        self.gateway_address
    }

    /// Serves until a stop signal, then waits up to 25 s for tasks that are under way.
    pub async fn run(self) -> Result<()> {
        let mut term = signal(SignalKind::terminate()).map_err(Error::internal)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Error::internal)?;
        let stop = self.tasks.shutdown_signal();
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            () = stop.wait() => {}
            never = memory_trim::run() => match never {},
        }
        tracing::info!("stopping");
        if !self.tasks.shutdown(Duration::from_secs(25)).await {
            tracing::warn!("tasks did not finish before the shutdown timeout");
        }
        for db in self.databases {
            if tokio::time::timeout(Duration::from_secs(3), db.close()).await.is_err() {
                tracing::warn!("closing a database timed out");
            }
        }
        Ok(())
    }
}

/// Builds the kit of a service for a command that works on its database, beside a running Hearth or without one.
pub async fn build_command_kit(config: HearthConfig, service: &Service) -> Result<Kit> {
    let state = StateFolder::open(&config.state)?;
    ProcessResources::open(config, state, &BTreeMap::new())?.build_kit(service).await
}

/// Resources that all roles of a process share.
struct ProcessResources {
    config: Arc<HearthConfig>,
    state: StateFolder,
    keys: KeyFolder,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    tasks: BackgroundTasks,
    transports: Arc<BTreeMap<Role, Transport>>,
}

impl ProcessResources {
    fn open(
        config: HearthConfig,
        state: StateFolder,
        local_roles: &BTreeMap<Role, LocalSlot>,
    ) -> Result<Self> {
        let mut transports = BTreeMap::new();
        for (role, service) in &config.services {
            transports.insert(*role, Transport::from_url(&service.url)?);
        }
        for (role, local) in local_roles {
            transports.insert(*role, Transport::Local(local.clone()));
        }
        let keys = KeyFolder::new(state.keys_folder());
        keys.create_missing_keys()?;
        Ok(Self {
            config: Arc::new(config),
            keys,
            state,
            clock: Arc::new(SystemClock),
            entropy: Arc::default(),
            tasks: BackgroundTasks::new(),
            transports: Arc::new(transports),
        })
    }

    async fn build_kit(&self, service: &Service) -> Result<Kit> {
        let key = self.keys.read_private_key(service.role)?;
        let db = match (service.has_database, &self.config.database) {
            (false, _) => None,
            (true, DatabaseSettings::Files) => {
                Some(Db::open_file(&self.state.databases_folder(), service.role).await?)
            }
            (true, DatabaseSettings::Postgres(url)) => Some(Db::open_postgres(url, service.role).await?),
        };
        Ok(Kit {
            role: service.role,
            config: self.config.clone(),
            state: self.state.clone(),
            life: ProcessInstanceId::new(self.clock.now(), &self.entropy),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            clients: ServiceClients::new(self.transports.clone(), key.clone(), self.clock.clone()),
            key,
            key_ring: Arc::new(self.keys.read_key_ring()?),
            tasks: self.tasks.clone(),
            metrics: ServiceMetrics::new(service.role),
            db,
        })
    }

    /// Opens the gateway's public address, and the internal address of each role that has one.
    async fn open_listeners(&self, roles: &[Role]) -> Result<BTreeMap<Role, HttpListener>> {
        let mut sockets = BTreeMap::new();
        for role in roles {
            let section = self.config.services.get(role);
            let socket = match (role, section) {
                (Role::Gateway, _) => HttpListener::open(&self.config.door.listen, "--listen").await?,
                (_, Some(section)) => {
                    HttpListener::open(&section.listen, &format!("[services.{role}] listen")).await?
                }
                // Within the gateway's process, the local transport needs no address.
                (_, None) if roles.contains(&Role::Gateway) => continue,
                (_, None) => {
                    let what = format!("the role {role} has no listen address");
                    return Err(Error::invalid("no-address", what)
                        .help(format!("set listen and url in [services.{role}] of the configuration")));
                }
            };
            let limits = ConnectionLimits::from_door(&self.config.door);
            let socket = match role {
                Role::Gateway => socket.with_limits(limits),
                // All visitors that come through a gateway have its address.
                Role::Edge => socket.with_limits(ConnectionLimits { max_per_address: None, ..limits }),
                _ => socket,
            };
            sockets.insert(*role, socket);
        }
        Ok(sockets)
    }
}

fn spawn_services(
    tasks: &BackgroundTasks,
    mounted: Vec<MountedService>,
    mut sockets: BTreeMap<Role, HttpListener>,
) {
    for service in mounted {
        for worker in service.workers {
            tasks.spawn(worker.name, (worker.run)(tasks.shutdown_signal()));
        }
        if let Some(socket) = sockets.remove(&service.role) {
            tracing::info!(role = service.role.name(), address = %socket.address(), "listening");
            socket.serve(tasks, service.role.name(), service.router);
        }
    }
}
