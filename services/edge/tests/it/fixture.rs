//! Test fixture: a listening edge, a fake `jobs`, instances, and visitors that write raw HTTP.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use hearth_base::{Clock, Entropy, KeyRing, ProcessInstanceId, Result, Role, RoleKey, SystemClock, ToolId};
use hearth_client::{LocalSlot, Transport};
use hearth_kit::{
    Kit, ServiceClients,
    config::HearthConfig,
    mounted::build_local_service,
    server::{ConnectionLimits, HttpListener},
    state::StateFolder,
    tasks::BackgroundTasks,
    telemetry::ServiceMetrics,
};
use hearth_testkit::FakeEventStream;
use hearth_wire::{
    events::Topic,
    jobs::{
        internal::{Route, RouteEvent, RoutePage, RouteState},
        page_sleep::{PageActivityReport, PageWake},
    },
    reply::Done,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Fake `jobs` service.
#[derive(Clone, Default)]
pub struct FakeRouteService(Arc<FakeRouteState>);

#[derive(Default)]
struct FakeRouteState {
    routes: Mutex<Vec<Route>>,
    reports: Mutex<Vec<PageActivityReport>>,
    wakes: Mutex<Vec<PageWake>>,
    stream: FakeEventStream,
}

impl FakeRouteService {
    pub fn add_route(&self, route: Route) {
        self.0.routes.lock().unwrap().push(route);
    }

    pub fn append_events(&self, event: &RouteEvent) {
        self.0.stream.append_event(current_time(), event, None).unwrap();
    }

    /// Lists the reports of visits.
    pub fn list_reports(&self) -> Vec<PageActivityReport> {
        self.0.reports.lock().unwrap().clone()
    }

    /// Lists the requests to wake a page.
    pub fn list_wakes(&self) -> Vec<PageWake> {
        self.0.wakes.lock().unwrap().clone()
    }

    fn select_routes(&self, is_selected: impl Fn(&Route) -> bool) -> Json<RoutePage> {
        let position = self.0.stream.read_head();
        let mut routes = self.0.routes.lock().unwrap().clone();
        routes.retain(is_selected);
        Json(RoutePage { routes, next: None, position })
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/jobs/v1/internal/routes", get(list_routes_of_tools))
            .route("/jobs/v1/internal/environment-routes", get(list_routes_of_environments))
            .route("/jobs/v1/internal/page-activity", post(record_report))
            .route("/jobs/v1/internal/page-wake", post(record_wake))
            .with_state(self.clone())
            .merge(self.0.stream.build_router(RouteEvent::TOPIC_INFO))
    }
}

fn current_time() -> jiff::Timestamp {
    SystemClock.now()
}

async fn record_report(
    State(jobs): State<FakeRouteService>,
    Json(report): Json<PageActivityReport>,
) -> Json<Done> {
    jobs.0.reports.lock().unwrap().push(report);
    Json(Done {})
}

async fn record_wake(State(jobs): State<FakeRouteService>, Json(wake): Json<PageWake>) -> Json<Done> {
    jobs.0.wakes.lock().unwrap().push(wake);
    Json(Done {})
}

async fn list_routes_of_tools(State(jobs): State<FakeRouteService>) -> Json<RoutePage> {
    jobs.select_routes(|route| route.environment.is_none())
}

async fn list_routes_of_environments(State(jobs): State<FakeRouteService>) -> Json<RoutePage> {
    jobs.select_routes(|route| route.environment.is_some())
}

/// A listening edge.
pub struct EdgeFixture {
    pub edge: SocketAddr,
    pub jobs: FakeRouteService,
    pub gateway: RoleKey,
    state: Arc<TempDir>,
    tasks: BackgroundTasks,
}

impl EdgeFixture {
    /// Starts an edge whose `jobs` has these routes.
    pub async fn start(routes: Vec<Route>) -> Result<Self> {
        Self::start_with(routes, "", true).await
    }

    /// Starts an edge with these settings; without `alive`, `jobs` does not respond.
    pub async fn start_with(routes: Vec<Route>, settings: &str, alive: bool) -> Result<Self> {
        let jobs = FakeRouteService::default();
        routes.into_iter().for_each(|route| jobs.add_route(route));
        let state = Arc::new(tempfile::tempdir().unwrap());
        Self::start_in(state, jobs, settings, alive).await
    }

    /// Restarts the edge in the same state folder, as another process.
    pub async fn restart(self, alive: bool) -> Result<Self> {
        assert!(self.tasks.shutdown(Duration::from_secs(10)).await);
        Self::start_in(self.state, self.jobs, "", alive).await
    }

    async fn start_in(
        state: Arc<TempDir>,
        jobs: FakeRouteService,
        settings: &str,
        alive: bool,
    ) -> Result<Self> {
        let (key, gateway) =
            (RoleKey::generate_for_role(Role::Edge)?, RoleKey::generate_for_role(Role::Gateway)?);
        let mut ring = KeyRing::default();
        for known in [&key, &gateway] {
            ring.insert(known.role(), &known.public_text())?;
        }
        let slot = LocalSlot::default();
        if alive {
            slot.set_router(build_local_service(jobs.router()));
        }
        let transports = BTreeMap::from([(Role::Jobs, Transport::Local(slot))]);
        let clock = Arc::new(SystemClock);
        let tasks = BackgroundTasks::new();
        let config: HearthConfig = hearth_kit::config::parse(
            settings,
            "test",
            std::iter::empty(),
            hearth_edge::EDGE_SERVICE.settings.as_slice(),
        )?;
        let kit = Kit {
            role: Role::Edge,
            config: Arc::new(config),
            state: StateFolder::open(state.path())?,
            life: ProcessInstanceId::new(clock.now(), &Entropy::System),
            clock: clock.clone(),
            entropy: Arc::default(),
            clients: ServiceClients::new(Arc::new(transports), key.clone(), clock),
            key,
            key_ring: Arc::new(ring),
            tasks: tasks.clone(),
            metrics: ServiceMetrics::new(Role::Edge),
            db: None,
        };
        let mounted = hearth_edge::mount(&kit)?;
        if let Some(prepare) = mounted.prepare {
            prepare.await?;
        }
        for worker in mounted.workers {
            tasks.spawn(worker.name, (worker.run)(tasks.shutdown_signal()));
        }
        let listening = HttpListener::open("127.0.0.1:0", "test").await?;
        let edge = listening.address();
        let listening = listening.with_limits(ConnectionLimits::from_door(&kit.config.door));
        listening.serve(&tasks, "edge", mounted.router);
        Ok(Self { edge, jobs, gateway, state, tasks })
    }

    /// Waits until the edge serves the page `name`.
    pub async fn wait_for_page(&self, name: &str) -> Result<()> {
        hearth_testkit::wait_until("the edge serves the page", async || {
            let answer = self.get(name, "").await;
            Ok((!answer.contains("page-starting") && !answer.contains("no-such-page")).then_some(()))
        })
        .await
    }

    /// Requests a page with these header lines, and returns the whole response.
    pub async fn get(&self, name: &str, lines: &str) -> String {
        self.send_bytes(&format!(
            "GET / HTTP/1.1\r\nhost: {name}.localhost\r\nconnection: close\r\n{lines}\r\n"
        ))
        .await
    }

    /// Sends bytes on a connection, and returns everything until its end.
    pub async fn send_bytes(&self, bytes: &str) -> String {
        let mut visitor = self.connect_visitor().await;
        visitor.send(bytes).await;
        visitor.read_to_end().await
    }

    /// Opens a connection to the edge.
    pub async fn connect_visitor(&self) -> TestConnection {
        TestConnection(TcpStream::connect(self.edge).await.unwrap())
    }
}

/// One end of a raw connection.
pub struct TestConnection(pub TcpStream);

impl TestConnection {
    pub async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Reads until the data ends with `end`.
    pub async fn read_until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let byte = self.0.read_u8().await;
            read.push(byte.unwrap_or_else(|_| panic!("only {:?} came", String::from_utf8_lossy(&read))));
        }
        String::from_utf8(read).unwrap()
    }

    /// Reads to the end of the connection, also a broken one.
    pub async fn read_to_end(mut self) -> String {
        let mut read = Vec::new();
        let _broken_off_is_an_end_too = self.0.read_to_end(&mut read).await;
        String::from_utf8_lossy(&read).into_owned()
    }
}

/// Starts an instance that handles each connection with `act`.
pub async fn start_instance<F>(act: impl Fn(TestConnection) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(act(TestConnection(stream)));
        }
    });
    address
}

/// Starts an instance with a fixed response; returns its address and the received request heads.
pub async fn start_answering_instance(answer: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let recorded = requests.clone();
    let address = start_instance(move |mut wire| {
        let recorded = recorded.clone();
        async move {
            let head = wire.read_until("\r\n\r\n").await;
            recorded.lock().unwrap().push(head);
            wire.send(answer).await;
        }
    })
    .await;
    (address, requests)
}

/// Returns the address of a closed port.
pub async fn reserve_closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Builds the route of the tool `name` to these instances.
pub fn build_route(name: &str, state: RouteState, targets: &[SocketAddr]) -> Route {
    Route {
        tool: ToolId::new(current_time(), &Entropy::System),
        name: name.parse().unwrap(),
        environment: None,
        job: "web".parse().unwrap(),
        state,
        targets: targets.to_vec(),
        sleep: None,
    }
}

/// Builds a ready route of the tool `hello` to this instance.
pub fn build_hello_route(target: SocketAddr) -> Vec<Route> {
    vec![build_route("hello", RouteState::Ready, &[target])]
}
