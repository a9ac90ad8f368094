//! Test stand of one service: the service runs in the test's process, with a fake `accounts` and a manual
//! clock.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use hearth_base::{
    Access, BuildId, Clock, Credential, Entropy, Error, Identity, KeyRing, MANDATE_LIFETIME, Mandate,
    MandateId, ManualClock, ProcessInstanceId, Result, Role, RoleKey, Scopes, TokenId, ToolGrant, ToolId,
    ToolName, UserId,
};
use hearth_client::{Authority, Body, Client, DelegatedAuthority, LocalSlot, Transport, box_body, headers};
use hearth_kit::{
    Kit, MountedService, ServiceClients, Worker,
    config::HearthConfig,
    db::{Db, migrate},
    state::StateFolder,
    tasks::BackgroundTasks,
    telemetry::ServiceMetrics,
};
use hearth_wire::{accounts::internal::ToolFacts, reply::Data, tools::Quota};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::{service_fn, util::BoxCloneSyncService};

/// The roles that have a signing key in a stand.
const ALL_ROLES: &[Role] = &[
    Role::Gateway,
    Role::Accounts,
    Role::Envvars,
    Role::Jobs,
    Role::Builds,
    Role::Builder,
    Role::Components,
    Role::Edge,
    Role::Notify,
];

/// A test stand of one service.
pub struct ServiceStand {
    /// The clock of the service.
    pub clock: Arc<ManualClock>,
    /// The background tasks of the service.
    pub tasks: BackgroundTasks,
    /// The kit of the service, which a restart uses again.
    pub kit: Kit,
    role: Role,
    keys: BTreeMap<Role, RoleKey>,
    slot: LocalSlot,
    fakes: BTreeMap<Role, LocalSlot>,
    workers: Vec<Worker>,
    killed: watch::Sender<bool>,
    _folder: TempDir,
}

/// Services that a test may replace with fakes.
const FAKED_ROLES: &[Role] =
    &[Role::Accounts, Role::Builds, Role::Components, Role::Envvars, Role::Images, Role::Jobs, Role::Logs];

impl ServiceStand {
    /// Mounts the service of `role` on the database `db`. Every tool has this quota.
    pub async fn start_service(
        role: Role,
        db: Db,
        mount: impl FnOnce(&Kit) -> Result<MountedService>,
        config: HearthConfig,
        quota: Quota,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let clock =
            Arc::new(ManualClock::starting_at("2026-05-04T12:00:00Z".parse().map_err(Error::internal)?));
        let mut keys = BTreeMap::new();
        let mut ring = KeyRing::default();
        for role in ALL_ROLES.iter().chain([&role]) {
            let key = RoleKey::generate_for_role(*role)?;
            ring.insert(*role, &key.public_text())?;
            keys.insert(*role, key);
        }
        let key = keys.get(&role).cloned().ok_or_else(|| Error::internal("no such role"))?;
        let fakes: BTreeMap<Role, LocalSlot> =
            FAKED_ROLES.iter().map(|role| (*role, LocalSlot::default())).collect();
        let mut transports: BTreeMap<Role, Transport> =
            fakes.iter().map(|(role, slot)| (*role, Transport::Local(slot.clone()))).collect();
        if let Some(rest) = transports.remove(&Role::Accounts) {
            let accounts = LocalSlot::default();
            accounts.set_router(fake_accounts(quota, rest));
            transports.insert(Role::Accounts, Transport::Local(accounts));
        }
        let kit = Kit {
            role,
            config: Arc::new(config),
            state: StateFolder::open(folder.path())?,
            life: ProcessInstanceId::new(clock.now(), &Entropy::System),
            clock: clock.clone(),
            entropy: Arc::new(Entropy::System),
            clients: ServiceClients::new(Arc::new(transports), key.clone(), clock.clone()),
            key,
            key_ring: Arc::new(ring),
            tasks: BackgroundTasks::new(),
            metrics: ServiceMetrics::new(role),
            db: Some(db),
        };
        let tasks = kit.tasks.clone();
        let (slot, workers) = (LocalSlot::default(), Vec::new());
        let killed = watch::Sender::default();
        let mut stand = Self { clock, tasks, kit, role, keys, slot, fakes, workers, killed, _folder: folder };
        stand.mount(mount).await?;
        Ok(stand)
    }

    /// Mounts the service again on the same database and state folder, as after a restart.
    pub async fn mount(&mut self, mount: impl FnOnce(&Kit) -> Result<MountedService>) -> Result<()> {
        self.kit.life = ProcessInstanceId::new(self.clock.now(), &Entropy::System);
        let mut mounted = mount(&self.kit)?;
        migrate(self.kit.db()?, mounted.migrations).await?;
        if let Some(prepare) = mounted.prepare.take() {
            prepare.await?;
        }
        self.slot = LocalSlot::default();
        self.slot.set_router(mounted.to_local_service());
        self.workers = mounted.workers;
        Ok(())
    }

    /// Sets the fake that replies to calls of `role`. The stand itself replies to lookups of tools in
    /// `accounts`.
    pub fn set_fake_service(&self, role: Role, service: hearth_client::LocalService) {
        if let Some(slot) = self.fakes.get(&role) {
            slot.set_router(service);
        }
    }

    /// Advances the clock and wakes all workers, because they would otherwise wait by the real clock.
    pub fn advance_clock(&self, time: SignedDuration) {
        self.clock.advance_by(time);
        if let Some(db) = &self.kit.db {
            db.wake_all();
        }
    }

    /// Starts the workers of the service.
    pub fn start_workers(&mut self) {
        for worker in self.workers.drain(..) {
            let (run, mut killed) = ((worker.run)(self.tasks.shutdown_signal()), self.killed.subscribe());
            self.tasks.spawn(worker.name, async move {
                tokio::select! {
                    () = run => {}
                    _ = killed.wait_for(|killed| *killed) => {}
                }
            });
        }
    }

    /// Aborts the workers at any point, as a kill of the process does. Returns true if all have ended.
    pub async fn kill_workers(&mut self) -> bool {
        self.killed.send_replace(true);
        self.killed = watch::Sender::default();
        self.stop_workers().await
    }

    /// Stops the workers, as at the end of the process. Returns true if all have ended in time.
    pub async fn stop_workers(&mut self) -> bool {
        let ended = self.tasks.shutdown(std::time::Duration::from_secs(20)).await;
        self.tasks = BackgroundTasks::new();
        self.kit.tasks = self.tasks.clone();
        ended
    }

    /// A client of a user with this access to a tool.
    pub fn member(&self, id: ToolId, name: &ToolName, access: Access) -> Result<Client> {
        self.member_with_user_id(UserId::new(Timestamp::UNIX_EPOCH, &Entropy::System), id, name, access)
    }

    /// A client of the user `user` with this access to a tool.
    pub fn member_with_user_id(
        &self,
        user: UserId,
        id: ToolId,
        name: &ToolName,
        access: Access,
    ) -> Result<Client> {
        let tool = ToolGrant::Granted { id, name: name.clone(), access };
        let caller = hearth_base::Caller::User { id: user, name: "somebody".parse()?, operator: false };
        self.build_client(Role::Gateway, move |now| Identity {
            caller: caller.clone(),
            credential: Credential::None,
            scopes: Scopes::from_scopes([]),
            audience: Role::Gateway,
            tool: Some(tool.clone()),
            expires: now + hearth_base::IDENTITY_LIFETIME,
        })
    }

    /// A client of an outside builder, with the credential of a build.
    pub fn outside_builder(&self, build: BuildId, tool: ToolId, credential: TokenId) -> Result<Client> {
        self.build_client(Role::Gateway, move |now| Identity {
            caller: hearth_base::Caller::Build { id: build, tool, image: None },
            credential: Credential::ToolToken(credential),
            scopes: Scopes::from_scopes([]),
            audience: Role::Gateway,
            tool: None,
            expires: now + hearth_base::IDENTITY_LIFETIME,
        })
    }

    /// A client of another service.
    pub fn service_client(&self, role: Role) -> Result<Client> {
        self.build_client(role, move |now| Identity::for_service(role, role, now))
    }

    /// A client of the service `holder` that acts for a member of a tool with a mandate. It is valid for some seconds.
    pub fn delegated_client(&self, holder: Role, id: ToolId, name: &ToolName) -> Result<Client> {
        let now = self.clock.now();
        let mandate = Mandate {
            id: MandateId::new(now, &Entropy::System),
            holder,
            caller: hearth_base::Caller::User {
                id: UserId::new(now, &Entropy::System),
                name: "somebody".parse()?,
                operator: false,
            },
            credential: Credential::None,
            scopes: Scopes::from_scopes([]),
            audience: self.role,
            tool: id,
            name: name.clone(),
            access: Access::Write,
            expires: now + MANDATE_LIFETIME,
        };
        let accounts = self.keys.get(&Role::Accounts).ok_or_else(|| Error::internal("no such role"))?;
        let own = self.build_authority(holder, move |now| Identity::for_service(holder, holder, now))?;
        let acting = DelegatedAuthority::with_mandate(own, &mandate.sign(accounts)?)?;
        Ok(Client::new(Transport::Local(self.slot.clone()), Arc::new(acting)))
    }

    /// A client of an operator without access to any tool.
    pub fn operator(&self) -> Result<Client> {
        self.user_without_tools("operator", true)
    }

    /// A client of an operator, for one tool.
    pub fn tool_operator(&self, id: ToolId, name: &ToolName) -> Result<Client> {
        let user = UserId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
        let caller = hearth_base::Caller::User { id: user, name: "operator".parse()?, operator: true };
        let tool = ToolGrant::Granted { id, name: name.clone(), access: Access::Own };
        self.build_client(Role::Gateway, move |now| Identity {
            caller: caller.clone(),
            credential: Credential::None,
            scopes: Scopes::from_scopes([]),
            audience: Role::Gateway,
            tool: Some(tool.clone()),
            expires: now + hearth_base::IDENTITY_LIFETIME,
        })
    }

    /// A client of a user without access to any tool.
    pub fn stranger(&self) -> Result<Client> {
        self.user_without_tools("stranger", false)
    }

    fn user_without_tools(&self, name: &str, operator: bool) -> Result<Client> {
        let id = UserId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
        let caller = hearth_base::Caller::User { id, name: name.parse()?, operator };
        self.build_client(Role::Gateway, move |now| Identity {
            caller: caller.clone(),
            credential: Credential::None,
            scopes: Scopes::from_scopes([]),
            audience: Role::Gateway,
            tool: None,
            expires: now + hearth_base::IDENTITY_LIFETIME,
        })
    }

    fn build_client(
        &self,
        signer: Role,
        identity: impl Fn(Timestamp) -> Identity + Send + Sync + 'static,
    ) -> Result<Client> {
        Ok(Client::new(Transport::Local(self.slot.clone()), self.build_authority(signer, identity)?))
    }

    fn build_authority(
        &self,
        signer: Role,
        identity: impl Fn(Timestamp) -> Identity + Send + Sync + 'static,
    ) -> Result<Arc<dyn Authority>> {
        let key = self.keys.get(&signer).cloned().ok_or_else(|| Error::internal("no such role"))?;
        let (clock, audience) = (self.clock.clone(), self.role);
        let identity = move || Identity { audience, ..identity(clock.now()) }.sign(&key);
        Ok(Arc::new(IdentityAuthority(Box::new(identity))))
    }
}

/// Signs a new identity for each call.
struct IdentityAuthority(Box<dyn Fn() -> Result<String> + Send + Sync>);

impl Authority for IdentityAuthority {
    fn authorize(&self, _: Role, headers: &mut HeaderMap) -> Result<()> {
        let value = HeaderValue::try_from((self.0)()?).map_err(Error::internal)?;
        headers.insert(headers::IDENTITY_HEADER, value);
        Ok(())
    }
}

/// Replies to lookups of tools in `accounts`: every tool exists and has this quota. Other calls go to the
/// fake that the test has set.
fn fake_accounts(quota: Quota, rest: Transport) -> hearth_client::LocalService {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let (quota, rest) = (quota.clone(), rest.clone());
        async move {
            let tool_path = request.uri().path().strip_prefix("/accounts/v1/internal/tools/");
            let Some(id) = tool_path.filter(|tool_path| !tool_path.contains('/')).map(str::parse) else {
                return Ok(rest.send(request).await.unwrap_or_else(|_no_fake_is_set| {
                    let mut unavailable = Response::new(box_body(Full::default()));
                    *unavailable.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    unavailable
                }));
            };
            let facts = id.ok().and_then(|id| {
                Some(ToolFacts { id, name: "hello".parse().ok()?, deleting: false, quota, owner: None })
            });
            let answer = facts.map(|data| Data { data, messages: hearth_wire::reply::Messages::default() });
            let text = serde_json::to_vec(&answer).unwrap_or_default();
            Ok::<_, Infallible>(Response::new(box_body(Full::new(text.into()))))
        }
    }))
}
