//! A fake of `images`: images of builds and three provided ones.

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
        internal::{ImageConfig, ImageKind, ImageResolution, ImageResolveQuery, PinPut},
    },
    reply::Done,
};

use super::{FakeComponentPeers, FakeServicesState, build_not_found, reply_data};

/// The pins: the digest of each holder.
#[derive(Default)]
pub struct FakeImages {
    pub pins: BTreeMap<String, Digest>,
    /// The start of the name of an image that was deleted.
    pub deleted: Option<&'static str>,
}

/// Formats the name of the image of a build.
pub fn format_built_image(number: usize) -> String {
    format!("hearth.example/tool-hello/tool-hello:latest@{}", build_digest(number))
}

/// Builds the digest of the image of a build.
pub fn build_digest(number: usize) -> Digest {
    Digest::new([u8::try_from(number).unwrap_or(u8::MAX); 32])
}

pub fn build_router() -> Router<std::sync::Arc<FakeComponentPeers>> {
    Router::new()
        .route("/images/v1/internal/resolve", get(resolve_image))
        .route("/images/v1/internal/pins/{holder}", put(pin_image).delete(unpin_image))
}

async fn resolve_image(State(all): FakeServicesState, Query(query): Query<ImageResolveQuery>) -> Response {
    let image = query.image.as_str();
    if all.lock_state().images.deleted.is_some_and(|deleted| image.starts_with(deleted)) {
        return build_not_found("image", image);
    }
    let (digest, kind, label) = match (image, image.split_once('@')) {
        ("python3.11", _) => (build_digest(200), ImageKind::Provided, None),
        ("web-only", _) => (build_digest(201), ImageKind::Provided, Some(r#"{"web": "./serve"}"#)),
        ("work-only", _) => (build_digest(202), ImageKind::Provided, Some(r#"{"work": "./work"}"#)),
        (_, Some((_, digest))) => match digest.parse() {
            Ok(digest) => (digest, ImageKind::Built, Some(r#"{"web": "./serve"}"#)),
            Err(_) => return build_not_found("image", image),
        },
        _ => return build_not_found("image", image),
    };
    let labels = label.map(|label| (PROCESSES_LABEL.to_owned(), label.to_owned())).into_iter().collect();
    let name = image.split(['@', ':']).next().unwrap_or(image);
    reply_data(ImageResolution {
        image: name.to_owned(),
        reference: format!("{name}@{digest}"),
        digest,
        state: "stable".to_owned(),
        kind,
        config: ImageConfig { labels, ..ImageConfig::default() },
    })
}

async fn pin_image(
    State(all): FakeServicesState,
    Path(holder): Path<String>,
    Json(pin): Json<PinPut>,
) -> Response {
    all.change_state(|state| state.images.pins.insert(holder, pin.digest));
    reply_data(Done {})
}

async fn unpin_image(State(all): FakeServicesState, Path(holder): Path<String>) -> Response {
    all.change_state(|state| state.images.pins.remove(&holder));
    reply_data(Done {})
}
