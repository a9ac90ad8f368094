//! Fakes of the services that `jobs` calls.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, get, post, put},
};
use hearth_base::{Digest, Entropy, EventId, Role, Secret, TokenId, ToolId};
use hearth_kit::Query;
use hearth_wire::{
    accounts::internal::{ToolTokenCreate, ToolTokenCreated},
    envvars::internal::{EnvvarSealed, EnvvarsAt, EnvvarsGiven, EnvvarsRevisions},
    events::{Event, Topic},
    images::internal::{
        ImageConfig, ImageKind, ImageLayers, ImageResolution, ImageResolveQuery, Layer, PinPut, TagEvent,
        UsableImage, UsableImages,
    },
    logs::internal::{LogsBatch, LogsTaken},
    reply::{Data, Done, Messages, Named},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::{FakeEventStream, ServiceStand};

/// The requests that the fake services have received, and settings of their replies.
#[derive(Default)]
pub struct ReceivedRequests {
    /// The pinned image of each workload.
    pub pins: BTreeMap<String, Digest>,
    /// The log lines of all runs.
    pub lines: Vec<LogsBatch>,
    /// True if `logs` replies 503.
    pub logs_unavailable: bool,
    /// The secrets of every job.
    pub sealed: Vec<EnvvarSealed>,
    /// The revision of the variables.
    pub envvars_revision: u32,
    /// The tokens of runs that were issued and not revoked, with their secrets.
    pub run_tokens: BTreeMap<TokenId, String>,
    /// True if `accounts` issues no tokens.
    pub accounts_unavailable: bool,
    /// The tool of each image whose tag moved.
    moved_tag_tools: Vec<Option<ToolId>>,
}

/// Received requests and the events to send, shared between a test and the fake services.
#[derive(Clone, Default)]
pub struct FakeServices(Arc<Mutex<ReceivedRequests>>, FakeEventStream);

impl FakeServices {
    /// Locks the received requests and the settings of replies.
    pub fn lock(&self) -> MutexGuard<'_, ReceivedRequests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the tags of all provided images, or of the images of a tool, to new digests and appends the
    /// event.
    pub fn move_image_tags(&self, tool: Option<ToolId>) {
        self.lock().moved_tag_tools.push(tool);
        self.1.append_raw(Event {
            position: 0,
            id: EventId::new(Timestamp::UNIX_EPOCH, &Entropy::System),
            service: Role::Images,
            event_type: "image.tag.moved".to_owned(),
            tool,
            time: Timestamp::UNIX_EPOCH,
            data: json!({"tool": tool, "image": "hello", "tag": "latest"}),
            notice: None,
        });
    }
}

const LAYER_CONTENT: &[u8] = b"a layer";

/// The digest of the only layer of every image.
pub fn layer_digest() -> Digest {
    Digest::new(sha2::Sha256::digest(LAYER_CONTENT).into())
}

fn wrap_data<T: Serialize>(data: T) -> Json<Data<T>> {
    Json(Data { data, messages: Messages::default() })
}

/// Mounts the fakes of `images`, `logs`, `envvars` and of the tokens of `accounts` in a service stand.
pub fn mount_fake_services(stand: &ServiceStand, fakes: &FakeServices) {
    let images = Router::new()
        .route("/images/v1/internal/resolve", get(resolve_image))
        .route("/images/v1/internal/images", get(list_usable_images))
        .route("/images/v1/internal/manifests/{digest}/layers", get(list_layers))
        .route("/images/v1/internal/blobs/{digest}", get(async || LAYER_CONTENT))
        .route("/images/v1/internal/pins/{holder}", put(pin_image).delete(unpin_image))
        .merge(fakes.1.build_router(TagEvent::TOPIC_INFO));
    let logs = Router::new().route("/logs/v1/internal/lines", post(append_lines));
    let envvars = Router::new()
        .route("/envvars/v1/internal/tools/{tool}/jobs/{job}", get(list_variables))
        .route("/envvars/v1/internal/tools/{tool}/revisions", get(list_revisions));
    let accounts = Router::new()
        .route("/accounts/v1/internal/tool-tokens", post(create_run_token))
        .route("/accounts/v1/internal/tool-tokens/{token}", delete(revoke_run_token));
    let routers =
        [(Role::Images, images), (Role::Logs, logs), (Role::Envvars, envvars), (Role::Accounts, accounts)];
    for (role, router) in routers {
        stand.set_fake_service(role, hearth_kit::build_local_service(router.with_state(fakes.clone())));
    }
}

async fn create_run_token(
    State(fakes): State<FakeServices>,
    Json(create): Json<ToolTokenCreate>,
) -> Result<Json<Data<ToolTokenCreated>>, StatusCode> {
    if fakes.lock().accounts_unavailable {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let id = TokenId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    let secret = format!("secret-of-{id}");
    fakes.lock().run_tokens.insert(id, secret.clone());
    // The clock of a stand is not known here: the token outlives every test.
    let expires = Timestamp::MAX - SignedDuration::from_secs(create.life_seconds.into());
    Ok(wrap_data(ToolTokenCreated { id, secret: Secret::new(secret), expires }))
}

async fn revoke_run_token(State(fakes): State<FakeServices>, Path(token): Path<TokenId>) -> Json<Data<Done>> {
    fakes.lock().run_tokens.remove(&token);
    wrap_data(Done {})
}

async fn resolve_image(
    State(fakes): State<FakeServices>,
    Query(query): Query<ImageResolveQuery>,
) -> Result<Json<Data<ImageResolution>>, (StatusCode, Json<Value>)> {
    let (name, kind, number) = match query.image.as_str() {
        "python3.11" | "tf-python311" => ("python3.11", ImageKind::Provided, 1),
        "tool-hello/hello:latest" => ("tool-hello/hello:latest", ImageKind::Built, 2),
        _ => {
            let refusal = json!({"messages": {"error": ["there is no image x"]}, "code": "no-such-image"});
            return Err((StatusCode::NOT_FOUND, Json(refusal)));
        }
    };
    let moved = fakes
        .lock()
        .moved_tag_tools
        .iter()
        .filter(|tool| tool.is_some() == (kind == ImageKind::Built))
        .count();
    let digest = Digest::new([number + 16 * u8::try_from(moved).unwrap_or(15); 32]);
    Ok(wrap_data(ImageResolution {
        image: name.to_owned(),
        reference: format!("registry/{name}@{digest}"),
        digest,
        state: "stable".to_owned(),
        kind,
        config: ImageConfig::default(),
    }))
}

async fn list_layers() -> Json<Data<ImageLayers>> {
    let layer = Layer {
        digest: layer_digest(),
        diff_id: layer_digest(),
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        size: 7,
    };
    wrap_data(ImageLayers { layers: vec![layer] })
}

async fn list_usable_images() -> Json<Data<UsableImages>> {
    let image = "python3.11".to_owned();
    let usable =
        UsableImage { image, aliases: Vec::new(), state: "stable".to_owned(), kind: ImageKind::Provided };
    wrap_data(UsableImages { images: vec![usable], ..UsableImages::default() })
}

async fn pin_image(
    State(fakes): State<FakeServices>,
    Path(holder): Path<String>,
    Json(pin): Json<PinPut>,
) -> Json<Data<Done>> {
    fakes.lock().pins.insert(holder, pin.digest);
    wrap_data(Done {})
}

async fn unpin_image(State(fakes): State<FakeServices>, Path(holder): Path<String>) -> Json<Data<Done>> {
    fakes.lock().pins.remove(&holder);
    wrap_data(Done {})
}

async fn append_lines(
    State(fakes): State<FakeServices>,
    Json(batch): Json<LogsBatch>,
) -> Result<Json<Data<LogsTaken>>, StatusCode> {
    let mut received = fakes.lock();
    if received.logs_unavailable {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let next = batch.lines.last().map_or(1, |line| line.sequence + 1);
    received.lines.push(batch);
    Ok(wrap_data(LogsTaken { next }))
}

/// Answers with a variable, which has another value at every earlier time.
async fn list_variables(
    State(fakes): State<FakeServices>,
    Query(EnvvarsAt { at }): Query<EnvvarsAt>,
) -> Json<Named<EnvvarsGiven>> {
    let received = fakes.lock();
    let value = if at.is_some() { "good day" } else { "hi" };
    let greeting = serde_json::from_value(json!({"name": "GREETING", "value": value}));
    let content = EnvvarsGiven {
        envvars: greeting.into_iter().collect(),
        sealed: received.sealed.clone(),
        revision: received.envvars_revision.to_string(),
    };
    Json(Named { content, messages: Messages::default() })
}

async fn list_revisions(State(fakes): State<FakeServices>) -> Json<Named<EnvvarsRevisions>> {
    let content =
        EnvvarsRevisions { tool: fakes.lock().envvars_revision.to_string(), ..EnvvarsRevisions::default() };
    Json(Named { content, messages: Messages::default() })
}
