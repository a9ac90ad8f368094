//! `images`: those that builds make, and two that are provided.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::Response,
    routing::{get, put},
};
use hearth_base::Digest;
use hearth_kit::Query;
use hearth_wire::{
    images::{
        PROCESSES_LABEL,
        internal::{ImageConfig, ImageKind, PinPut, Resolve, Resolved},
    },
    reply::Done,
};

use super::{Ears, Neighbours, data, missing};

/// Who relies on which image.
#[derive(Default)]
pub struct Images {
    pub pins: BTreeMap<String, Digest>,
}

/// The image that the build of this number made.
pub fn built(number: usize) -> String {
    format!("hearth.example/tool-hello/tool-hello:latest@{}", digest(number))
}

/// The digest of that image.
pub fn digest(number: usize) -> Digest {
    Digest::new([u8::try_from(number).unwrap_or(u8::MAX); 32])
}

pub fn router() -> Router<std::sync::Arc<Neighbours>> {
    Router::new()
        .route("/images/v1/internal/resolve", get(resolve))
        .route("/images/v1/internal/pins/{holder}", put(pin).delete(unpin))
}

async fn resolve(Query(asked): Query<Resolve>) -> Response {
    let image = asked.image.as_str();
    let (digest, kind, label) = match (image, image.split_once('@')) {
        ("python3.11", _) => (digest(200), ImageKind::Provided, None),
        ("web-only", _) => (digest(201), ImageKind::Provided, Some(r#"{"web": "./serve"}"#)),
        ("work-only", _) => (digest(202), ImageKind::Provided, Some(r#"{"work": "./work"}"#)),
        (_, Some((_, digest))) => match digest.parse() {
            Ok(digest) => (digest, ImageKind::Built, Some(r#"{"web": "./serve"}"#)),
            Err(_) => return missing("image", image),
        },
        _ => return missing("image", image),
    };
    let labels = label.map(|label| (PROCESSES_LABEL.to_owned(), label.to_owned())).into_iter().collect();
    let name = image.split(['@', ':']).next().unwrap_or(image);
    data(Resolved {
        image: name.to_owned(),
        reference: format!("{name}@{digest}"),
        digest,
        state: "stable".to_owned(),
        kind,
        config: ImageConfig { labels, ..ImageConfig::default() },
    })
}

async fn pin(State(all): Ears, Path(holder): Path<String>, Json(pin): Json<PinPut>) -> Response {
    all.change(|known| known.images.pins.insert(holder, pin.digest));
    data(Done {})
}

async fn unpin(State(all): Ears, Path(holder): Path<String>) -> Response {
    all.change(|known| known.images.pins.remove(&holder));
    data(Done {})
}
