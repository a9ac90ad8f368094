//! The service, a repository, a tool, and those who call.

use std::sync::{Arc, Mutex, PoisonError};

use hearth_base::{Access, BuildId, Entropy, Result, Role, ToolId, ToolName};
use hearth_client::{Body, Client, Exchange, body};
use hearth_kit::{config::Config, db::Db};
use hearth_testkit::{GitServer, Stand, answer_to};
use hearth_wire::{
    builds::{
        BuildCreate, BuildCreateQuery, BuildNew,
        internal::{Beat, Builder, Claim, Finish, Lease, LeaseEnd},
    },
    tools::Quota,
};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::{service_fn, util::BoxCloneSyncService};

/// The service, a repository, a tool, and those who call.
pub struct Stage {
    pub stand: Stand,
    pub git: GitServer,
    pub commit: String,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
    pub stranger: Client,
    pub builder: Client,
    pub jobs: Client,
    /// What `images` was asked.
    pub pins: Asked,
    /// What `logs` has.
    pub lines: Lines,
}

/// Requests, as method and path.
pub type Asked = Arc<Mutex<Vec<String>>>;
/// Lines of a log: instance and text.
pub type Lines = Arc<Mutex<Vec<(String, String)>>>;

/// A digest that some image might have.
pub const DIGEST: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/// Each tool may have two builds at one time.
pub async fn stage(db: Db) -> Result<Stage> {
    let git = GitServer::start().await?;
    let commit = git.commit("hello", &[("Procfile", "web: ./serve\n")])?;
    let text = format!(
        "[outbound]\nallow = [\"{}\"]\n[outbound.mirrors]\n\"https://code.example/team\" = \"{}\"\n\
         [builds]\nupload_limit = 100000\nkept = 3\n",
        git.place(),
        git.url("")
    );
    let config: Config = hearth_kit::config::parse(
        &text,
        "test",
        std::iter::empty(),
        hearth_builds::BUILDS_SERVICE.settings.as_slice(),
    )?;
    let quota = Quota { running_builds: 2, ..Quota::default() };
    let mut stand = Stand::of(Role::Builds, db, hearth_builds::mount, config, quota).await?;
    let (pins, lines) = (Asked::default(), Lines::default());
    stand.play(Role::Images, played(pins.clone(), |_| json!({"data": {}})));
    let log = lines.clone();
    stand.play(Role::Logs, played(Asked::default(), move |query| page(&log, query)));
    stand.start_workers();
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
    let other = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    Ok(Stage {
        maintainer: stand.member(id, &tool, Access::Write)?,
        viewer: stand.member(id, &tool, Access::Read)?,
        stranger: stand.member(other, &"other".parse()?, Access::Own)?,
        builder: stand.service(Role::Builder)?,
        jobs: stand.service(Role::Jobs)?,
        stand,
        git,
        commit,
        tool,
        pins,
        lines,
    })
}

fn played(asked: Asked, answer: impl Fn(&str) -> Value + Clone + Send + Sync + 'static) -> Exchange {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let (asked, answer) = (asked.clone(), answer.clone());
        async move {
            let (head, content) = request.into_parts();
            let content = content.collect().await.map(|content| content.to_bytes()).unwrap_or_default();
            let content = String::from_utf8_lossy(&content).into_owned();
            let line = format!("{} {} {content}", head.method, head.uri.path());
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(line.trim_end().to_owned());
            let text = answer(head.uri.query().unwrap_or_default()).to_string();
            Ok::<_, std::convert::Infallible>(Response::new(body(Full::new(text.into()))))
        }
    }))
}

/// A page of a log, two lines at a time: the cursor is the number of lines before.
fn page(lines: &Lines, query: &str) -> Value {
    let after = query.split('&').find_map(|pair| pair.strip_prefix("after=")?.parse().ok()).unwrap_or(0);
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    let end = lines.len().min(after + 2);
    let kept: Vec<Value> = (after + 1..)
        .zip(&lines[after.min(end)..end])
        .map(|(place, (instance, text))| {
            json!({"cursor": place.to_string(), "run": "r", "instance": instance, "sequence": place,
                "time": "2026-05-04T12:00:00Z", "stream": "out", "text": text})
        })
        .collect();
    let next = (end < lines.len()).then(|| end.to_string());
    json!({"data": {"lines": kept, "next": next, "head": end.to_string(), "complete": true}})
}

impl Stage {
    /// Asks for a build of the repository.
    pub async fn start(&self) -> Result<BuildNew> {
        let create = BuildCreate { source_url: Some(self.git.url("hello")), ..BuildCreate::default() };
        self.maintainer.builds().start(&self.tool, &create, &BuildCreateQuery::default()).await
    }

    /// Any call by a client, as status and document.
    pub async fn send(client: &Client, method: Method, path: &str, content: Option<Value>) -> (u16, Value) {
        let path = format!("/builds/v1{path}");
        let (status, document) = answer_to(client, method, &path, content.as_ref()).await.unwrap();
        (status.as_u16(), document)
    }

    /// A builder takes what there is.
    pub async fn claim(&self) -> Result<Option<Lease>> {
        Ok(self.builder.builds().claim(&Claim::default()).await?.lease)
    }

    /// As [`Stage::claim`], by a builder that says who it is.
    pub async fn claim_as(&self, builder: &Builder) -> Result<Option<Lease>> {
        let claim = Claim { builder: Some(builder.clone()), ..Claim::default() };
        Ok(self.builder.builds().claim(&claim).await?.lease)
    }

    /// A builder still works. Whether it is to stop.
    pub async fn beat(&self, lease: &Lease) -> Result<bool> {
        let beat = Beat { ticket: lease.ticket.clone(), step: None, message: None, wait: 0 };
        Ok(self.builder.builds().beat(lease.build, &beat).await?.stop)
    }

    /// A builder ends what it took.
    pub async fn finish(&self, lease: &Lease, end: LeaseEnd) -> Result<()> {
        let finish = Finish { ticket: lease.ticket.clone(), end };
        self.builder.builds().finish(lease.build, &finish).await
    }

    /// A build, as the document has it.
    pub async fn shown(&self, build: BuildId) -> Value {
        Self::send(&self.viewer, Method::GET, &format!("/tool/hello/builds/{build}"), None).await.1["build"]
            .clone()
    }

    /// What `images` was asked.
    pub fn pinned(&self) -> Vec<String> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// There is an image.
pub fn made() -> LeaseEnd {
    LeaseEnd::Made {
        digest: DIGEST.to_owned(),
        image: format!("hearth.example/tool-hello/tool-hello:latest@{DIGEST}"),
        processes: [("web".to_owned(), "./serve".to_owned())].into(),
        message: "Its process is web.".to_owned(),
    }
}
