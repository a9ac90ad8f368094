//! The builder with fake services.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use hearth_base::{Entropy, Error, Result, Role, ToolId};
use hearth_builder::mount_on;
use hearth_client::{Body, LocalService, LocalSlot, Transport, box_body};
use hearth_kit::{ServiceClients, config::HearthConfig, db::Db};
use hearth_testkit::{DatabaseKind, ScratchDatabase, ServiceStand, wait_until};
use hearth_wire::{
    builds::{
        former_finish::FormerBuildFinish,
        internal::{BuildFinish, BuildLease, BuildLeaseOutcome, BuildLeaseSource},
    },
    tools::Quota,
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::Notify, time::timeout};
use tower::{service_fn, util::BoxCloneSyncService};

use crate::runtime::ScriptedRuntime;

/// Digest of the built image.
pub const IMAGE_DIGEST: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/// State of the fake services.
#[derive(Default)]
pub struct ServicesState {
    /// Leases to hand out.
    pub leases: Vec<BuildLease>,
    /// The next heartbeat requests a stop.
    pub stop: bool,
    /// The next heartbeat reports a lost lease.
    pub lost: bool,
    /// Reported ends of builds.
    pub ends: Vec<BuildLeaseOutcome>,
    /// Explanations of failures, with the ends.
    pub failures: Vec<Value>,
    /// True for a build service that refuses explanations, inputs, labels and slots as unknown fields.
    pub is_old_service: bool,
    /// Lines of the log.
    pub lines: Vec<String>,
    /// Names of images that were resolved.
    pub resolved: Vec<String>,
    /// Uploaded SBOMs.
    pub sboms: Vec<Value>,
    /// Scopes of the requested tokens.
    pub scopes: Vec<Value>,
    /// Number of revoked tokens.
    pub revoked_tokens: usize,
    /// Notifies waiting requests of a change.
    changed: Arc<Notify>,
}

impl ServicesState {
    /// Returns true if the request has to wait for a change.
    fn must_wait(&self, path: &str) -> bool {
        let claims = path.ends_with("/claims") && self.leases.is_empty();
        claims || path.ends_with("beat") && !self.stop && !self.lost
    }
}

/// The builder, its runtime and the fake services.
pub struct BuilderFixture {
    pub state: Arc<Mutex<ServicesState>>,
    pub runtime: Arc<ScriptedRuntime>,
    pub lease: BuildLease,
    stand: ServiceStand,
    _scratch: ScratchDatabase,
}

pub async fn start_fixture(config: &str) -> Result<BuilderFixture> {
    let scratch = ScratchDatabase::new(DatabaseKind::Sqlite).await?;
    let config: HearthConfig = hearth_kit::config::parse(
        config,
        "test",
        std::iter::empty(),
        hearth_builder::BUILDER_SERVICE.settings.as_slice(),
    )?;
    let (state, runtime) = (Arc::<Mutex<ServicesState>>::default(), ScriptedRuntime::new());
    let stand = start_builder(scratch.db(), config, &state, &runtime).await?;
    let lease = BuildLease {
        ticket: "t".to_owned(),
        build: "build_01jd0w5e3mqk8v7h4c2x9s6tbn".parse()?,
        attempt: 1,
        tool: ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System),
        tool_name: "hello".parse()?,
        source: BuildLeaseSource::Git {
            mirror: None,
            url: "https://git.example/hello".to_owned(),
            commit: "a".repeat(40),
            reference: Some("refs/heads/main".to_owned()),
        },
        envvars: BTreeMap::new(),
        image_name: "tool-hello".to_owned(),
        folder: None,
        recipe: None,
        process: None,
        rebuild: false,
        preview: None,
        original_build: None,
        package_sources: Vec::new(),
        source_credentials: Vec::new(),
        deadline: "2026-05-04T12:30:00Z".parse().map_err(Error::internal)?,
        stop: false,
    };
    Ok(BuilderFixture { state, runtime, lease, stand, _scratch: scratch })
}

async fn start_builder(
    db: Db,
    config: HearthConfig,
    state: &Arc<Mutex<ServicesState>>,
    runtime: &Arc<ScriptedRuntime>,
) -> Result<ServiceStand> {
    let runtime = runtime.clone();
    let place = LocalSlot::default();
    place.set_router(serve_fake_services(state.clone()));
    let roles = [Role::Accounts, Role::Images, Role::Logs, Role::Builds];
    let transports: BTreeMap<_, _> =
        roles.iter().map(|role| (*role, Transport::Local(place.clone()))).collect();
    let mount = move |kit: &hearth_kit::Kit| {
        let mut kit = kit.clone();
        kit.clients = ServiceClients::new(Arc::new(transports), kit.key.clone(), kit.clock.clone());
        mount_on(&kit, runtime)
    };
    ServiceStand::start_service(Role::Builder, db, mount, config, Quota::default()).await
}

impl BuilderFixture {
    /// Hands the lease out, starts the builder, and waits for the end.
    pub async fn run_to_end(&mut self) -> Result<BuildLeaseOutcome> {
        self.begin();
        self.wait_for_end().await
    }

    /// Hands the lease out and starts the builder.
    pub fn begin(&mut self) {
        self.change_state(|state| state.leases.push(self.lease.clone()));
        self.start_workers();
    }

    /// Starts the builder.
    pub fn start_workers(&mut self) {
        self.stand.start_workers();
    }

    /// Changes the state, and wakes waiting requests.
    pub fn change_state(&self, change: impl FnOnce(&mut ServicesState)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        state.changed.notify_waiters();
    }

    /// Waits for the end of the build.
    pub async fn wait_for_end(&self) -> Result<BuildLeaseOutcome> {
        wait_until("the build to end", || async { Ok(self.state.lock().unwrap().ends.first().cloned()) })
            .await
    }

    /// Ends the builder's process, and starts another one.
    pub async fn restart(&mut self) -> Result<()> {
        self.stand.stop_workers().await;
        let db = self._scratch.db();
        let config = (*self.stand.kit.config).clone();
        self.stand = start_builder(db, config, &self.state, &self.runtime).await?;
        Ok(())
    }
}

fn serve_fake_services(state: Arc<Mutex<ServicesState>>) -> LocalService {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let state = state.clone();
        async move {
            let (head, content) = request.into_parts();
            let content = content.collect().await.map(|content| content.to_bytes()).unwrap_or_default();
            let content = serde_json::from_slice(&content).unwrap_or(Value::Null);
            let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
            let changed = state.lock().unwrap().changed.clone();
            let changed = changed.notified();
            if state.lock().unwrap().must_wait(path) {
                let _ = timeout(Duration::from_secs(1), changed).await;
            }
            let (status, answer) = render_response(&mut state.lock().unwrap(), path, query, &content);
            let mut response = Response::new(box_body(Full::new(answer.to_string().into())));
            *response.status_mut() = status.try_into().unwrap();
            Ok::<_, Infallible>(response)
        }
    }))
}

/// Reads the report of an outcome. A service of release 0.1.0 refuses fields that it does not know.
fn read_finish(content: &Value, is_old_service: bool) -> BuildFinish {
    if !is_old_service {
        return serde_json::from_value(content.clone()).unwrap();
    }
    let former: FormerBuildFinish = serde_json::from_value(content.clone()).unwrap();
    assert_eq!(serde_json::to_value(&former).unwrap(), *content);
    former.into()
}

fn render_response(state: &mut ServicesState, path: &str, query: &str, content: &Value) -> (u16, Value) {
    let data = |data: Value| (200, json!({ "data": data }));
    if path == "/images/v1/internal/resolve" {
        let name = query.split('&').find_map(|pair| pair.strip_prefix("image=")).unwrap_or_default();
        state.resolved.push(name.replace("%2F", "/"));
    }
    match path {
        _ if state.is_old_service && content["slots"].is_u64() => {
            (422, json!({"error": ["unknown field"], "code": "invalid-fields"}))
        }
        _ if state.is_old_service && path.starts_with("/builds/v1/reports/") => {
            (404, json!({"error": ["unknown path"], "code": "not-found"}))
        }
        "/builds/v1/internal/claims" => (200, json!({"lease": state.leases.pop()})),
        _ if path.ends_with("beat") && state.lost => (409, json!({"error": ["no"], "code": "lease-lost"})),
        _ if path.ends_with("beat") => (200, json!({"stop": state.stop})),
        _ if path.ends_with("/sbom") && !state.is_old_service => {
            state.sboms.push(content.clone());
            (200, json!({}))
        }
        _ if path.ends_with("/finish") => {
            let finish = read_finish(content, state.is_old_service);
            state.failures.push(serde_json::to_value(finish.failure).unwrap());
            state.ends.push(finish.outcome);
            (200, json!({}))
        }
        "/logs/v1/internal/lines" => {
            for line in content["lines"].as_array().into_iter().flatten() {
                let instance = content["source"]["instance"].as_str().unwrap();
                state.lines.push(format!("{instance}: {}", line["text"].as_str().unwrap()));
            }
            data(json!({"next": 1}))
        }
        "/accounts/v1/internal/tool-tokens" => {
            state.scopes.push(content["scopes"].clone());
            data(
                json!({"id": "token_01jd0w5e3mqk8v7h4c2x9s6tbn", "secret": "very-secret", "expires": "2026-05-04T13:00:00Z"}),
            )
        }
        _ if path.starts_with("/accounts/v1/internal/tool-tokens/") => {
            state.revoked_tokens += 1;
            data(json!({}))
        }
        "/images/v1/internal/resolve" if query.contains("image=python3.13") => {
            (404, json!({"error": ["it has not been made"], "code": "image-missing"}))
        }
        "/images/v1/internal/resolve" => data(render_image(query)),
        _ if path.starts_with("/images/v1/internal/manifests/") => {
            let digest = format!("sha256:{}", "07".repeat(32));
            data(json!({"layers": [{"digest": digest, "diff_id": digest, "size": 1,
                "media_type": "application/vnd.oci.image.layer.v1.tar"}]}))
        }
        "/images/v1/internal/images" => data(json!({"images": [
            {"image": "python3.11", "aliases": [], "state": "stable", "kind": "provided"}]})),
        _ => (404, json!({"error": [path], "code": "no-such-endpoint"})),
    }
}

fn render_image(query: &str) -> Value {
    let built = query.contains("image=tool-hello");
    json!({
        "image": "x", "reference": format!("hearth.example/tool-hello/tool-hello@{IMAGE_DIGEST}"), "digest": IMAGE_DIGEST,
        "state": "stable", "kind": if built { "built" } else { "provided" },
        "config": {"labels": {"org.hearth.processes": "{\"web\":\"./serve\"}"}},
    })
}
