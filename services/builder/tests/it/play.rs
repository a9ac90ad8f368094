//! The services that the builder asks, played.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use hearth_base::{Entropy, Error, Result, Role, ToolId};
use hearth_builder::mount_on;
use hearth_client::{Body, Exchange, Local, Transport, body};
use hearth_kit::{Clients, config::Config, db::Db};
use hearth_testkit::{Scratch, Stand, Store, until};
use hearth_wire::{
    builds::internal::{Lease, LeaseEnd, LeaseSource},
    tools::Quota,
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::Notify, time::timeout};
use tower::{service_fn, util::BoxCloneSyncService};

use crate::runtime::Played;

/// A digest that some image might have.
pub const DIGEST: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/// What the played services know and have heard.
#[derive(Default)]
pub struct State {
    /// Builds to hand out.
    pub leases: Vec<Lease>,
    /// The next beat says stop.
    pub stop: bool,
    /// The next beat says that the lease is lost.
    pub lost: bool,
    /// How builds ended.
    pub ends: Vec<LeaseEnd>,
    /// Lines of the log.
    pub lines: Vec<String>,
    /// The scopes of tokens that were asked for.
    pub scopes: Vec<Value>,
    /// Whoever waits for one of these to change.
    news: Arc<Notify>,
}

impl State {
    /// Whether there is nothing to answer to a question that waits.
    fn is_quiet(&self, path: &str) -> bool {
        let claims = path.ends_with("/claims") && self.leases.is_empty();
        claims || path.ends_with("/beat") && !self.stop && !self.lost
    }
}

/// The builder, and everything around it.
pub struct Play {
    pub state: Arc<Mutex<State>>,
    pub runtime: Arc<Played>,
    pub lease: Lease,
    stand: Stand,
    _scratch: Scratch,
}

pub async fn play(config: &str) -> Result<Play> {
    let scratch = Scratch::new(Store::Files).await?;
    let config: Config = hearth_kit::config::parse(
        config,
        "test",
        std::iter::empty(),
        hearth_builder::BUILDER_SERVICE.settings.as_slice(),
    )?;
    let (state, runtime) = (Arc::<Mutex<State>>::default(), Played::new());
    let stand = stand(scratch.db(), config, &state, &runtime).await?;
    let lease = Lease {
        ticket: "t".to_owned(),
        build: "build_01jd0w5e3mqk8v7h4c2x9s6tbn".parse()?,
        attempt: 1,
        tool: ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System),
        tool_name: "hello".parse()?,
        source: LeaseSource::Git {
            mirror: None,
            url: "https://git.example/hello".to_owned(),
            commit: "a".repeat(40),
            reference: Some("refs/heads/main".to_owned()),
        },
        envvars: BTreeMap::new(),
        image_name: "tool-hello".to_owned(),
        deadline: "2026-05-04T12:30:00Z".parse().map_err(Error::internal)?,
        stop: false,
    };
    Ok(Play { state, runtime, lease, stand, _scratch: scratch })
}

async fn stand(db: Db, config: Config, state: &Arc<Mutex<State>>, runtime: &Arc<Played>) -> Result<Stand> {
    let runtime = runtime.clone();
    let place = Local::default();
    place.fill(played(state.clone()));
    let roles = [Role::Accounts, Role::Images, Role::Logs, Role::Builds];
    let transports: BTreeMap<_, _> =
        roles.iter().map(|role| (*role, Transport::Local(place.clone()))).collect();
    let mount = move |kit: &hearth_kit::Kit| {
        let mut kit = kit.clone();
        kit.clients = Clients::new(Arc::new(transports), kit.key.clone(), kit.clock.clone());
        mount_on(&kit, runtime)
    };
    Stand::of(Role::Builder, db, mount, config, Quota::default()).await
}

impl Play {
    /// Hands the lease out, starts the builder, and waits for the end.
    pub async fn end(&mut self) -> Result<LeaseEnd> {
        self.begin();
        self.ended().await
    }

    /// Hands the lease out and starts the builder.
    pub fn begin(&mut self) {
        self.change(|state| state.leases.push(self.lease.clone()));
        self.stand.start_workers();
    }

    /// Changes what the services know, and wakes whoever waits.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        state.news.notify_waiters();
    }

    /// Waits for the end.
    pub async fn ended(&self) -> Result<LeaseEnd> {
        until("the build to end", || async { Ok(self.state.lock().unwrap().ends.first().cloned()) }).await
    }

    /// Ends the builder's process, and starts another one.
    pub async fn restart(&mut self) -> Result<()> {
        self.stand.stop_workers().await;
        let db = self._scratch.db();
        let config = (*self.stand.kit.config).clone();
        self.stand = stand(db, config, &self.state, &self.runtime).await?;
        Ok(())
    }
}

fn played(state: Arc<Mutex<State>>) -> Exchange {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let state = state.clone();
        async move {
            let (head, content) = request.into_parts();
            let content = content.collect().await.map(|content| content.to_bytes()).unwrap_or_default();
            let content = serde_json::from_slice(&content).unwrap_or(Value::Null);
            let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
            let news = state.lock().unwrap().news.clone();
            let news = news.notified();
            if state.lock().unwrap().is_quiet(path) {
                let _ = timeout(Duration::from_secs(1), news).await;
            }
            let (status, answer) = answer(&mut state.lock().unwrap(), path, query, &content);
            let mut response = Response::new(body(Full::new(answer.to_string().into())));
            *response.status_mut() = status.try_into().unwrap();
            Ok::<_, Infallible>(response)
        }
    }))
}

fn answer(state: &mut State, path: &str, query: &str, content: &Value) -> (u16, Value) {
    let data = |data: Value| (200, json!({ "data": data }));
    match path {
        "/builds/v1/internal/claims" => (200, json!({"lease": state.leases.pop()})),
        _ if path.ends_with("/beat") && state.lost => (409, json!({"error": ["no"], "code": "lease-lost"})),
        _ if path.ends_with("/beat") => (200, json!({"stop": state.stop})),
        _ if path.ends_with("/finish") => {
            state.ends.push(serde_json::from_value(content["end"].clone()).unwrap());
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
        "/images/v1/internal/resolve" => data(image(query)),
        "/images/v1/internal/images" => data(json!({"images": [
            {"image": "python3.11", "aliases": [], "state": "stable", "kind": "provided"}]})),
        _ => (404, json!({"error": [path], "code": "no-such-endpoint"})),
    }
}

fn image(query: &str) -> Value {
    let built = query.contains("image=tool-hello");
    json!({
        "image": "x", "reference": format!("hearth.example/tool-hello/tool-hello@{DIGEST}"), "digest": DIGEST,
        "state": "stable", "kind": if built { "built" } else { "provided" },
        "config": {"labels": {"org.hearth.processes": "{\"web\":\"./serve\"}"}},
    })
}
