//! One service on its own: mounted in the test's process, with `accounts` played and a clock that the test moves.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use hearth_base::{
    Access, Clock, Credential, Entropy, Error, Identity, KeyRing, LifeId, ManualClock, Result, Role, RoleKey,
    Scopes, ToolGrant, ToolId, ToolName, UserId,
};
use hearth_client::{Authority, Body, Client, Local, Transport, body, headers};
use hearth_kit::{
    Clients, Kit, Mounted, Worker,
    config::Config,
    db::{Db, migrate},
    state::StateFolder,
    tasks::Tasks,
    telemetry::Metrics,
};
use hearth_wire::{accounts::internal::ToolFacts, reply::Data, tools::Quota};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::{service_fn, util::BoxCloneSyncService};

/// Who calls services.
const ROLES: &[Role] = &[
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

/// One service on its own.
pub struct Stand {
    /// What the service goes by.
    pub clock: Arc<ManualClock>,
    /// Its background tasks.
    pub tasks: Tasks,
    /// Its kit, to mount it once more: a restart.
    pub kit: Kit,
    role: Role,
    keys: BTreeMap<Role, RoleKey>,
    place: Local,
    others: BTreeMap<Role, Local>,
    workers: Vec<Worker>,
    killed: watch::Sender<bool>,
    _folder: TempDir,
}

/// Services that a test may play.
const PLAYED: &[Role] = &[Role::Accounts, Role::Builds, Role::Envvars, Role::Images, Role::Jobs, Role::Logs];

impl Stand {
    /// Mounts `role` on `db`. Each tool may use `quota`.
    pub async fn of(
        role: Role,
        db: Db,
        mount: impl FnOnce(&Kit) -> Result<Mounted>,
        config: Config,
        quota: Quota,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let clock = Arc::new(ManualClock::at("2026-05-04T12:00:00Z".parse().map_err(Error::internal)?));
        let mut keys = BTreeMap::new();
        let mut ring = KeyRing::default();
        for role in ROLES.iter().chain([&role]) {
            let key = RoleKey::generate(*role)?;
            ring.insert(*role, &key.public_text())?;
            keys.insert(*role, key);
        }
        let key = keys.get(&role).cloned().ok_or_else(|| Error::internal("no such role"))?;
        let others: BTreeMap<Role, Local> = PLAYED.iter().map(|role| (*role, Local::default())).collect();
        let mut transports: BTreeMap<Role, Transport> =
            others.iter().map(|(role, place)| (*role, Transport::Local(place.clone()))).collect();
        if let Some(rest) = transports.remove(&Role::Accounts) {
            let accounts = Local::default();
            accounts.fill(played_accounts(quota, rest));
            transports.insert(Role::Accounts, Transport::Local(accounts));
        }
        let kit = Kit {
            role,
            config: Arc::new(config),
            state: StateFolder::open(folder.path())?,
            life: LifeId::new(clock.now(), &Entropy::System),
            clock: clock.clone(),
            entropy: Arc::new(Entropy::System),
            clients: Clients::new(Arc::new(transports), key.clone(), clock.clone()),
            key,
            ring: Arc::new(ring),
            tasks: Tasks::new(),
            metrics: Metrics::new(role),
            db: Some(db),
        };
        let tasks = kit.tasks.clone();
        let (place, workers) = (Local::default(), Vec::new());
        let killed = watch::Sender::default();
        let mut stand =
            Self { clock, tasks, kit, role, keys, place, others, workers, killed, _folder: folder };
        stand.mount(mount).await?;
        Ok(stand)
    }

    /// Mounts the service anew on the same database and state folder, as after a restart.
    pub async fn mount(&mut self, mount: impl FnOnce(&Kit) -> Result<Mounted>) -> Result<()> {
        self.kit.life = LifeId::new(self.clock.now(), &Entropy::System);
        let mut mounted = mount(&self.kit)?;
        migrate(self.kit.db()?, mounted.migrations).await?;
        if let Some(prepare) = mounted.prepare.take() {
            prepare.await?;
        }
        self.place = Local::default();
        self.place.fill(mounted.exchange());
        self.workers = mounted.workers;
        Ok(())
    }

    /// Answers what the service asks `role`. Of `accounts`, everything but what tools are.
    pub fn play(&self, role: Role, exchange: hearth_client::Exchange) {
        if let Some(place) = self.others.get(&role) {
            place.fill(exchange);
        }
    }

    /// Time passes: a worker that waits for an item would wait for the real time, and looks again.
    pub fn passes(&self, time: SignedDuration) {
        self.clock.advance(time);
        if let Some(db) = &self.kit.db {
            db.wake_everybody();
        }
    }

    /// Starts what the service does beside answering.
    pub fn start_workers(&mut self) {
        for worker in self.workers.drain(..) {
            let (run, mut killed) = ((worker.run)(self.tasks.stop_sign()), self.killed.subscribe());
            self.tasks.start(worker.name, async move {
                tokio::select! {
                    () = run => {}
                    _ = killed.wait_for(|killed| *killed) => {}
                }
            });
        }
    }

    /// Ends what the service does beside answering as a kill does: in the middle of whatever it is at.
    pub async fn kill_workers(&mut self) -> bool {
        self.killed.send_replace(true);
        self.killed = watch::Sender::default();
        self.stop_workers().await
    }

    /// Ends what the service does beside answering, as at the end of its process.
    pub async fn stop_workers(&mut self) -> bool {
        let ended = self.tasks.finish(std::time::Duration::from_secs(20)).await;
        self.tasks = Tasks::new();
        self.kit.tasks = self.tasks.clone();
        ended
    }

    /// Calls by somebody who may do this much with a tool.
    pub fn member(&self, id: ToolId, name: &ToolName, access: Access) -> Result<Client> {
        self.member_called(UserId::new(Timestamp::UNIX_EPOCH, &Entropy::System), id, name, access)
    }

    /// The same by this user.
    pub fn member_called(&self, user: UserId, id: ToolId, name: &ToolName, access: Access) -> Result<Client> {
        let tool = ToolGrant::Granted { id, name: name.clone(), access };
        let caller = hearth_base::Caller::User { id: user, name: "somebody".parse()?, operator: false };
        self.shown(Role::Gateway, move |now| Identity {
            caller: caller.clone(),
            credential: Credential::None,
            scopes: Scopes::of([]),
            audience: Role::Gateway,
            tool: Some(tool.clone()),
            expires: now + hearth_base::IDENTITY_LIFE,
        })
    }

    /// Calls by another service.
    pub fn service(&self, role: Role) -> Result<Client> {
        self.shown(role, move |now| Identity::of_service(role, role, now))
    }

    /// Calls by somebody who is nothing to the tool that is called about.
    pub fn stranger(&self) -> Result<Client> {
        let id = UserId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
        let caller = hearth_base::Caller::User { id, name: "stranger".parse()?, operator: false };
        self.shown(Role::Gateway, move |now| Identity {
            caller: caller.clone(),
            credential: Credential::None,
            scopes: Scopes::of([]),
            audience: Role::Gateway,
            tool: None,
            expires: now + hearth_base::IDENTITY_LIFE,
        })
    }

    fn shown(
        &self,
        signer: Role,
        identity: impl Fn(Timestamp) -> Identity + Send + Sync + 'static,
    ) -> Result<Client> {
        let key = self.keys.get(&signer).cloned().ok_or_else(|| Error::internal("no such role"))?;
        let (clock, audience) = (self.clock.clone(), self.role);
        let identity = move || Identity { audience, ..identity(clock.now()) }.sign(&key);
        Ok(Client::new(Transport::Local(self.place.clone()), Arc::new(As(Box::new(identity)))))
    }
}

/// Shows what it makes at each call.
struct As(Box<dyn Fn() -> Result<String> + Send + Sync>);

impl Authority for As {
    fn authorize(&self, _: Role, headers: &mut HeaderMap) -> Result<()> {
        let value = HeaderValue::try_from((self.0)()?).map_err(Error::internal)?;
        headers.insert(headers::IDENTITY, value);
        Ok(())
    }
}

/// Answers what services ask `accounts` about a tool: every tool is there and may use `quota`. The rest is answered
/// by whoever plays `accounts`.
fn played_accounts(quota: Quota, rest: Transport) -> hearth_client::Exchange {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let (quota, rest) = (quota.clone(), rest.clone());
        async move {
            let about = request.uri().path().strip_prefix("/accounts/v1/internal/tools/");
            let Some(id) = about.filter(|about| !about.contains('/')).map(str::parse) else {
                return Ok(rest.send(request).await.unwrap_or_else(|_nobody_plays_it| {
                    let mut away = Response::new(body(Full::default()));
                    *away.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    away
                }));
            };
            let facts = id
                .ok()
                .and_then(|id| Some(ToolFacts { id, name: "hello".parse().ok()?, deleting: false, quota }));
            let answer = facts.map(|data| Data { data, messages: hearth_wire::reply::Messages::default() });
            let text = serde_json::to_vec(&answer).unwrap_or_default();
            Ok::<_, Infallible>(Response::new(body(Full::new(text.into()))))
        }
    }))
}
