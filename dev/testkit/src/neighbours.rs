//! The services that `jobs` asks, played.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post, put},
};
use hearth_base::{Digest, Entropy, EventId, Role, ToolId};
use hearth_kit::Query;
use hearth_wire::{
    envvars::internal::{EnvvarSealed, EnvvarsGiven, EnvvarsRevisions},
    events::{Event, Topic},
    images::internal::{
        ImageConfig, ImageKind, ImageLayers, Layer, PinPut, Resolve, Resolved, TagEvent, Usable, Usables,
    },
    logs::internal::{LogsBatch, LogsTaken},
    reply::{Data, Done, Messages, Named},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::{PlayedStream, Stand};

/// What the neighbours were told.
#[derive(Default)]
pub struct Heard {
    /// Which image each workload holds on to.
    pub pins: BTreeMap<String, Digest>,
    /// The lines of all runs.
    pub lines: Vec<LogsBatch>,
    /// `logs` does not answer.
    pub logs_away: bool,
    /// Secrets of every job.
    pub sealed: Vec<EnvvarSealed>,
    /// Counts changes of variables.
    pub envvars: u32,
    /// Whose image was made anew, each time.
    moved: Vec<Option<ToolId>>,
}

/// What is heard, from both sides.
#[derive(Clone, Default)]
pub struct Ears(Arc<Mutex<Heard>>, PlayedStream);

impl Ears {
    /// What was heard so far, and what is said from now on.
    pub fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All images, or those of a tool, are made anew: their tags mean something else from now on.
    pub fn made_anew(&self, tool: Option<ToolId>) {
        self.lock().moved.push(tool);
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

const LAYER: &[u8] = b"a layer";

/// The one layer of every image.
pub fn layer() -> Digest {
    Digest::new(sha2::Sha256::digest(LAYER).into())
}

fn data<T: Serialize>(data: T) -> Json<Data<T>> {
    Json(Data { data, messages: Messages::default() })
}

/// Fills all places of a stand.
pub fn play(stand: &Stand, ears: &Ears) {
    let images = Router::new()
        .route("/images/v1/internal/resolve", get(resolve))
        .route("/images/v1/internal/images", get(usable))
        .route("/images/v1/internal/manifests/{digest}/layers", get(answer_layers))
        .route("/images/v1/internal/blobs/{digest}", get(async || LAYER))
        .route("/images/v1/internal/pins/{holder}", put(pin).delete(unpin))
        .merge(ears.1.router(TagEvent::TOPIC_INFO));
    let logs = Router::new().route("/logs/v1/internal/lines", post(append));
    let envvars = Router::new()
        .route("/envvars/v1/internal/tools/{tool}/jobs/{job}", get(variables))
        .route("/envvars/v1/internal/tools/{tool}/revisions", get(revisions));
    for (role, router) in [(Role::Images, images), (Role::Logs, logs), (Role::Envvars, envvars)] {
        stand.play(role, hearth_kit::exchange(router.with_state(ears.clone())));
    }
}

async fn resolve(
    State(ears): State<Ears>,
    Query(asked): Query<Resolve>,
) -> Result<Json<Data<Resolved>>, (StatusCode, Json<Value>)> {
    let (name, kind, number) = match asked.image.as_str() {
        "python3.11" | "tf-python311" => ("python3.11", ImageKind::Provided, 1),
        "tool-hello/hello:latest" => ("tool-hello/hello:latest", ImageKind::Built, 2),
        _ => {
            let refusal = json!({"messages": {"error": ["there is no image x"]}, "code": "no-such-image"});
            return Err((StatusCode::NOT_FOUND, Json(refusal)));
        }
    };
    let moved = ears.lock().moved.iter().filter(|tool| tool.is_some() == (kind == ImageKind::Built)).count();
    let digest = Digest::new([number + 16 * u8::try_from(moved).unwrap_or(15); 32]);
    Ok(data(Resolved {
        image: name.to_owned(),
        reference: format!("registry/{name}@{digest}"),
        digest,
        state: "stable".to_owned(),
        kind,
        config: ImageConfig::default(),
    }))
}

async fn answer_layers() -> Json<Data<ImageLayers>> {
    let layer = Layer {
        digest: layer(),
        diff_id: layer(),
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        size: 7,
    };
    data(ImageLayers { layers: vec![layer] })
}

async fn usable() -> Json<Data<Usables>> {
    let image = "python3.11".to_owned();
    let usable = Usable { image, aliases: Vec::new(), state: "stable".to_owned(), kind: ImageKind::Provided };
    data(Usables { images: vec![usable] })
}

async fn pin(
    State(ears): State<Ears>,
    Path(holder): Path<String>,
    Json(pin): Json<PinPut>,
) -> Json<Data<Done>> {
    ears.lock().pins.insert(holder, pin.digest);
    data(Done {})
}

async fn unpin(State(ears): State<Ears>, Path(holder): Path<String>) -> Json<Data<Done>> {
    ears.lock().pins.remove(&holder);
    data(Done {})
}

async fn append(
    State(ears): State<Ears>,
    Json(batch): Json<LogsBatch>,
) -> Result<Json<Data<LogsTaken>>, StatusCode> {
    let mut heard = ears.lock();
    if heard.logs_away {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let next = batch.lines.last().map_or(1, |line| line.sequence + 1);
    heard.lines.push(batch);
    Ok(data(LogsTaken { next }))
}

async fn variables(State(ears): State<Ears>) -> Json<Named<EnvvarsGiven>> {
    let heard = ears.lock();
    let greeting = serde_json::from_value(json!({"name": "GREETING", "value": "hi"}));
    let content = EnvvarsGiven {
        envvars: greeting.into_iter().collect(),
        sealed: heard.sealed.clone(),
        revision: heard.envvars.to_string(),
    };
    Json(Named { content, messages: Messages::default() })
}

async fn revisions(State(ears): State<Ears>) -> Json<Named<EnvvarsRevisions>> {
    let content = EnvvarsRevisions { tool: ears.lock().envvars.to_string(), ..EnvvarsRevisions::default() };
    Json(Named { content, messages: Messages::default() })
}
