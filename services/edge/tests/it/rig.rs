//! An edge that listens, a stand-in for `jobs`, instances, and visitors that speak HTTP by hand.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, routing::get};
use hearth_base::{Clock, Entropy, KeyRing, LifeId, Result, Role, RoleKey, SystemClock, ToolId};
use hearth_client::{Local, Transport};
use hearth_kit::{
    Clients, Kit, config::Config, mounted::exchange, server::Listening, state::StateFolder, tasks::Tasks,
    telemetry::Metrics,
};
use hearth_testkit::PlayedStream;
use hearth_wire::{
    events::Topic,
    jobs::internal::{Route, RouteEvent, RouteState, Routes},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A stand-in for `jobs`.
#[derive(Clone, Default)]
pub struct Jobs(Arc<Inner>);

#[derive(Default)]
struct Inner {
    routes: Mutex<Vec<Route>>,
    stream: PlayedStream,
}

impl Jobs {
    pub fn add(&self, route: Route) {
        self.0.routes.lock().unwrap().push(route);
    }

    pub fn append(&self, event: &RouteEvent) {
        self.0.stream.append(jiff_now(), event, None).unwrap();
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/jobs/v1/internal/routes", get(routes))
            .with_state(self.clone())
            .merge(self.0.stream.router(RouteEvent::TOPIC_INFO))
    }
}

fn jiff_now() -> jiff::Timestamp {
    SystemClock.now()
}

async fn routes(State(jobs): State<Jobs>) -> Json<Routes> {
    let position = jobs.0.stream.head();
    Json(Routes { routes: jobs.0.routes.lock().unwrap().clone(), next: None, position })
}

/// An edge that listens.
pub struct Rig {
    pub edge: SocketAddr,
    pub jobs: Jobs,
    pub gateway: RoleKey,
    state: Arc<TempDir>,
    tasks: Tasks,
}

impl Rig {
    /// An edge whose `jobs` has these routes.
    pub async fn start(routes: Vec<Route>) -> Result<Self> {
        Self::start_with(routes, "", true).await
    }

    /// An edge with these settings; `alive`: `jobs` answers.
    pub async fn start_with(routes: Vec<Route>, settings: &str, alive: bool) -> Result<Self> {
        let jobs = Jobs::default();
        routes.into_iter().for_each(|route| jobs.add(route));
        let state = Arc::new(tempfile::tempdir().unwrap());
        Self::on(state, jobs, settings, alive).await
    }

    /// The same state folder and another process: the first is gone.
    pub async fn again(self, alive: bool) -> Result<Self> {
        assert!(self.tasks.finish(Duration::from_secs(10)).await);
        Self::on(self.state, self.jobs, "", alive).await
    }

    async fn on(state: Arc<TempDir>, jobs: Jobs, settings: &str, alive: bool) -> Result<Self> {
        let (key, gateway) = (RoleKey::generate(Role::Edge)?, RoleKey::generate(Role::Gateway)?);
        let mut ring = KeyRing::default();
        for known in [&key, &gateway] {
            ring.insert(known.role(), &known.public_text())?;
        }
        let place = Local::default();
        if alive {
            place.fill(exchange(jobs.router()));
        }
        let transports = BTreeMap::from([(Role::Jobs, Transport::Local(place))]);
        let clock = Arc::new(SystemClock);
        let tasks = Tasks::new();
        let config: Config = hearth_kit::config::parse(
            settings,
            "test",
            std::iter::empty(),
            hearth_edge::EDGE_SERVICE.settings.as_slice(),
        )?;
        let kit = Kit {
            role: Role::Edge,
            config: Arc::new(config),
            state: StateFolder::open(state.path())?,
            life: LifeId::new(clock.now(), &Entropy::System),
            clock: clock.clone(),
            entropy: Arc::default(),
            clients: Clients::new(Arc::new(transports), key.clone(), clock),
            key,
            ring: Arc::new(ring),
            tasks: tasks.clone(),
            metrics: Metrics::new(Role::Edge),
            db: None,
        };
        let mounted = hearth_edge::mount(&kit)?;
        if let Some(prepare) = mounted.prepare {
            prepare.await?;
        }
        for worker in mounted.workers {
            tasks.start(worker.name, (worker.run)(tasks.stop_sign()));
        }
        let listening = Listening::open("127.0.0.1:0", "test").await?;
        let edge = listening.address();
        listening.serve(&tasks, "edge", mounted.router);
        Ok(Self { edge, jobs, gateway, state, tasks })
    }

    /// Waits until the edge has heard of the page `name`.
    pub async fn knows(&self, name: &str) -> Result<()> {
        hearth_testkit::until("the edge knows the page", async || {
            let answer = self.get(name, "").await;
            Ok((!answer.contains("page-starting") && !answer.contains("no-such-page")).then_some(()))
        })
        .await
    }

    /// Asks for a page, with these header lines; the whole answer.
    pub async fn get(&self, name: &str, lines: &str) -> String {
        self.say(&format!("GET / HTTP/1.1\r\nhost: {name}.localhost\r\nconnection: close\r\n{lines}\r\n"))
            .await
    }

    /// Sends bytes on a connection; everything that comes back until it ends.
    pub async fn say(&self, bytes: &str) -> String {
        let mut visitor = self.visitor().await;
        visitor.send(bytes).await;
        visitor.rest().await
    }

    /// A connection to the edge.
    pub async fn visitor(&self) -> Wire {
        Wire(TcpStream::connect(self.edge).await.unwrap())
    }
}

/// One end of a connection, by hand.
pub struct Wire(pub TcpStream);

impl Wire {
    pub async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Reads until this has come.
    pub async fn until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let byte = self.0.read_u8().await;
            read.push(byte.unwrap_or_else(|_| panic!("only {:?} came", String::from_utf8_lossy(&read))));
        }
        String::from_utf8(read).unwrap()
    }

    /// Reads to the end of the connection, however it ends.
    pub async fn rest(mut self) -> String {
        let mut read = Vec::new();
        let _broken_off_is_an_end_too = self.0.read_to_end(&mut read).await;
        String::from_utf8_lossy(&read).into_owned()
    }
}

/// An instance that does with each connection what `act` says.
pub async fn instance<F>(act: impl Fn(Wire) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(act(Wire(stream)));
        }
    });
    address
}

/// An instance that answers each request with this, and tells what it was asked.
pub async fn answering(answer: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = asked.clone();
    let address = instance(move |mut wire| {
        let heard = heard.clone();
        async move {
            let head = wire.until("\r\n\r\n").await;
            heard.lock().unwrap().push(head);
            wire.send(answer).await;
        }
    })
    .await;
    (address, asked)
}

/// A port that nobody listens on.
pub async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The route of the tool `name` to these instances.
pub fn route(name: &str, state: RouteState, targets: &[SocketAddr]) -> Route {
    Route {
        tool: ToolId::new(jiff_now(), &Entropy::System),
        name: name.parse().unwrap(),
        job: "web".parse().unwrap(),
        state,
        targets: targets.to_vec(),
    }
}

/// A ready page `hello` at this instance.
pub fn hello(target: SocketAddr) -> Vec<Route> {
    vec![route("hello", RouteState::Ready, &[target])]
}
