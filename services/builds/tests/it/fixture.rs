//! The service with a repository, a tool and clients.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use hearth_base::{Access, BuildId, Clock, Entropy, ProcessInstanceId, Result, Role, ToolId, ToolName};
use hearth_client::{Body, Client, LocalService, box_body};
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_testkit::{GitServer, ServiceStand, send_json_request};
use hearth_wire::{
    builds::{
        BuildCreate, BuildCreateQuery, BuildNew,
        events::{BuildEvent, BuildEventData},
        internal::{BuildClaim, BuildFinish, BuildHeartbeat, BuildLease, BuildLeaseOutcome, BuilderProcess},
    },
    events::{Event, EventsQuery, Topic},
    tools::Quota,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};

/// The service with a repository, a tool and clients.
pub struct BuildsFixture {
    pub stand: ServiceStand,
    pub git: GitServer,
    pub commit: String,
    pub tool_id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
    pub stranger: Client,
    pub builder: Client,
    pub jobs: Client,
    /// Requests to `images`, as method, path and body.
    pub pins: RequestLog,
    /// Digests of images by name, as `images` resolves them.
    pub tags: ImageTags,
    /// Lines in `logs`.
    pub lines: LogLines,
}

/// A further tool, with a client of its maintainer.
pub struct FixtureTool {
    pub name: ToolName,
    pub maintainer: Client,
}

/// Recorded requests, as method, path and body.
pub type RequestLog = Arc<Mutex<Vec<String>>>;
/// Digests of images, by name.
pub type ImageTags = Arc<Mutex<BTreeMap<String, String>>>;
/// Lines of a log, as instance and text.
pub type LogLines = Arc<Mutex<Vec<(String, String)>>>;

/// Digest of the built image.
pub const IMAGE_DIGEST: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/// Starts the service. The quota of each tool is two open builds.
pub async fn start_fixture(db: Db) -> Result<BuildsFixture> {
    start_fixture_with(db, "").await
}

/// Starts the service with one more address that outbound requests may use.
pub async fn start_fixture_with(db: Db, allowed_address: &str) -> Result<BuildsFixture> {
    start_fixture_with_fakes(db, allowed_address, |_| {}).await
}

/// Starts the service with fakes of other services, instead of those of this fixture.
pub async fn start_fixture_with_fakes(
    db: Db,
    allowed_address: &str,
    set_fakes: impl FnOnce(&ServiceStand),
) -> Result<BuildsFixture> {
    let git = GitServer::start().await?;
    let commit = git.commit_files("hello", &[("Procfile", "web: ./serve\n")])?;
    let more = if allowed_address.is_empty() { String::new() } else { format!(", \"{allowed_address}\"") };
    let text = format!(
        "[outbound]\nallow = [\"{}\"{more}]\n[outbound.mirrors]\n\"https://code.example/team\" = \"{}\"\n\
         [builds]\nbuilder_labels = {{ bound = \"large\" }}\nupload_limit = 100000\ntool_upload_bytes = 800000\ntool_uploads = 20\nkept = 3\n",
        git.address(),
        git.repository_url("")
    );
    let config: HearthConfig = hearth_kit::config::parse(
        &text,
        "test",
        std::iter::empty(),
        hearth_builds::BUILDS_SERVICE.settings.as_slice(),
    )?;
    let quota = Quota { running_builds: 2, ..Quota::default() };
    let mut stand =
        ServiceStand::start_service(Role::Builds, db, hearth_builds::mount, config, quota).await?;
    // The first fake of a service stays.
    set_fakes(&stand);
    let (pins, lines, tags) = (RequestLog::default(), LogLines::default(), ImageTags::default());
    let known = tags.clone();
    let resolve = move |query: &str| resolve_image(&known, query);
    stand.set_fake_service(Role::Images, record_requests(pins.clone(), resolve));
    let log = lines.clone();
    stand.set_fake_service(
        Role::Logs,
        record_requests(RequestLog::default(), move |query| render_log_page(&log, query)),
    );
    stand.start_workers();
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
    let other = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    Ok(BuildsFixture {
        maintainer: stand.member(id, &tool, Access::Write)?,
        viewer: stand.member(id, &tool, Access::Read)?,
        stranger: stand.member(other, &"other".parse()?, Access::Own)?,
        builder: stand.service_client(Role::Builder)?,
        jobs: stand.service_client(Role::Jobs)?,
        stand,
        git,
        commit,
        tool_id: id,
        tool,
        pins,
        tags,
        lines,
    })
}

/// Builds a fake service that records its requests. An answer with a `code` is the error that something is missing.
pub fn record_requests(
    asked: RequestLog,
    answer: impl Fn(&str) -> Value + Clone + Send + Sync + 'static,
) -> LocalService {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let (asked, answer) = (asked.clone(), answer.clone());
        async move {
            let (head, content) = request.into_parts();
            let content = content.collect().await.map(|content| content.to_bytes()).unwrap_or_default();
            let content = String::from_utf8_lossy(&content).into_owned();
            let line = format!("{} {} {content}", head.method, head.uri.path());
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(line.trim_end().to_owned());
            let answer = answer(head.uri.query().unwrap_or_default());
            let mut response = Response::new(box_body(Full::new(answer.to_string().into())));
            if answer.get("code").is_some() {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    }))
}

/// Renders the image that a query names; an error if there is none, and an empty object for another request.
fn resolve_image(tags: &ImageTags, query: &str) -> Value {
    let Some(name) = query.split('&').find_map(|pair| pair.strip_prefix("image=")) else {
        return json!({"data": {}});
    };
    let name = name.replace("%2F", "/").replace("%3A", ":");
    match tags.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
        Some(digest) => {
            json!({"data": {"image": name, "reference": format!("hearth.example/{name}@{digest}"),
            "digest": digest, "state": "stable", "kind": "built", "config": {}}})
        }
        None => json!({"error": ["it has not been made"], "code": "image-missing"}),
    }
}

/// Renders a page of a log with two lines; the cursor is the number of lines before it.
fn render_log_page(lines: &LogLines, query: &str) -> Value {
    let after = query.split('&').find_map(|pair| pair.strip_prefix("after=")?.parse().ok()).unwrap_or(0);
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    let end = lines.len().min(after + 2);
    let page_lines: Vec<Value> = (after + 1..)
        .zip(&lines[after.min(end)..end])
        .map(|(place, (instance, text))| {
            json!({"cursor": place.to_string(), "run": "r", "instance": instance, "sequence": place,
                "time": "2026-05-04T12:00:00Z", "stream": "out", "text": text})
        })
        .collect();
    let next = (end < lines.len()).then(|| end.to_string());
    json!({"data": {"lines": page_lines, "next": next, "head": end.to_string(), "complete": true}})
}

impl BuildsFixture {
    /// Starts a build of the repository.
    pub async fn start_build(&self) -> Result<BuildNew> {
        let create =
            BuildCreate { source_url: Some(self.git.repository_url("hello")), ..BuildCreate::default() };
        self.maintainer.builds().start(&self.tool, &create, &BuildCreateQuery::default()).await
    }

    /// Sends a request. Returns status and document.
    pub async fn send(client: &Client, method: Method, path: &str, content: Option<Value>) -> (u16, Value) {
        let path = format!("/builds/v1{path}");
        let (status, document) = send_json_request(client, method, &path, content.as_ref()).await.unwrap();
        (status.as_u16(), document)
    }

    /// Claims a lease as a builder.
    pub async fn claim_lease(&self) -> Result<Option<BuildLease>> {
        Ok(self.builder.builds().claim_build(&BuildClaim::default()).await?.lease)
    }

    /// Adds a tool with a maintainer.
    pub fn add_tool(&self, name: &str) -> Result<FixtureTool> {
        let (id, name) = (ToolId::new(self.stand.clock.now(), &Entropy::System), name.parse()?);
        Ok(FixtureTool { maintainer: self.stand.member(id, &name, Access::Write)?, name })
    }

    /// Starts a build of a tool, which may wait in the queue beyond the quota.
    pub async fn start_build_of(&self, tool: &FixtureTool) -> Result<BuildId> {
        let create =
            BuildCreate { source_url: Some(self.git.repository_url("hello")), ..BuildCreate::default() };
        let query = BuildCreateQuery { queue: true, ..BuildCreateQuery::default() };
        Ok(tool.maintainer.builds().start(&tool.name, &create, &query).await?.name)
    }

    /// Creates a new process of a builder, which claims like those of a Hearth.
    pub fn create_builder(&self, place: &str) -> BuildClaim {
        let life = ProcessInstanceId::new(self.stand.clock.now(), &Entropy::System);
        let builder = Some(BuilderProcess { place: place.to_owned(), life });
        BuildClaim { slots: 1, builder, isolates_previews: true, ..BuildClaim::default() }
    }

    /// Claims a lease with this claim.
    pub async fn claim_lease_with(&self, claim: &BuildClaim) -> Result<Option<BuildLease>> {
        Ok(self.builder.builds().claim_build(claim).await?.lease)
    }

    /// Claims a lease as the given builder.
    pub async fn claim_lease_as(&self, builder: &BuilderProcess) -> Result<Option<BuildLease>> {
        let claim = BuildClaim { builder: Some(builder.clone()), ..BuildClaim::default() };
        Ok(self.builder.builds().claim_build(&claim).await?.lease)
    }

    /// Sends a heartbeat. Returns true if the build is to be stopped.
    pub async fn heartbeat(&self, lease: &BuildLease) -> Result<bool> {
        let beat = BuildHeartbeat { ticket: lease.ticket.clone(), step: None, message: None, wait: 0 };
        Ok(self.builder.builds().heartbeat(lease.build, &beat).await?.stop)
    }

    /// Ends a lease.
    pub async fn finish_lease(&self, lease: &BuildLease, outcome: BuildLeaseOutcome) -> Result<()> {
        let finish = BuildFinish { ticket: lease.ticket.clone(), outcome, failure: None };
        self.builder.builds().finish_build(lease.build, &finish).await
    }

    /// Gets a build as a document.
    pub async fn show_build(&self, build: BuildId) -> Value {
        Self::send(&self.viewer, Method::GET, &format!("/tool/hello/builds/{build}"), None).await.1["build"]
            .clone()
    }

    /// Lists the events as `notify` reads them.
    pub async fn list_events(&self) -> Result<Vec<Event>> {
        let (reader, mut query) = (self.stand.service_client(Role::Notify)?, EventsQuery::default());
        let mut events = Vec::new();
        loop {
            let batch = reader.read_events(BuildEvent::TOPIC_INFO, &query).await?;
            if batch.events.is_empty() {
                return Ok(events);
            }
            events.extend(batch.events);
            query.after = Some(batch.next);
        }
    }

    /// Requests to `images`, as method, path and body.
    pub fn list_pin_requests(&self) -> Vec<String> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Builds the end of a lease with an image.
pub fn build_success_end() -> BuildLeaseOutcome {
    BuildLeaseOutcome::Succeeded {
        digest: IMAGE_DIGEST.to_owned(),
        image: format!("hearth.example/tool-hello/tool-hello:latest@{IMAGE_DIGEST}"),
        processes: [("web".to_owned(), "./serve".to_owned())].into(),
        message: "Its process is web.".to_owned(),
        inputs: None,
        materials: None,
        comparison: None,
    }
}

/// Reads the data of an event about a build.
pub fn read_event_data(event: &Event) -> Result<BuildEventData> {
    match event.decode::<BuildEvent>()? {
        Some(BuildEvent::Succeeded(data) | BuildEvent::Failed(data) | BuildEvent::Cancelled(data)) => {
            Ok(data)
        }
        None => Err(hearth_base::Error::internal("the event is of another type")),
    }
}

/// Restarts the service with a new key for stored secrets, which must not start with that key alone.
pub async fn rotate_key(stand: &mut ServiceStand) -> Result<()> {
    stand.kill_workers().await;
    let path = stand.kit.state.keys_folder().join("builds.values");
    let former = std::fs::read_to_string(&path).unwrap();
    let new_key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
    // A start without the key of a stored credential is refused.
    std::fs::write(&path, new_key).unwrap();
    assert_eq!(stand.mount(hearth_builds::mount).await.err().unwrap().code(), "builds-keys");
    // After a start with both keys, the former one is needed no more.
    for keys in [format!("{new_key}{former}"), new_key.to_owned()] {
        std::fs::write(&path, keys).unwrap();
        stand.mount(hearth_builds::mount).await?;
    }
    stand.start_workers();
    Ok(())
}
