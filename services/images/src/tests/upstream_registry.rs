//! A registry on the loopback interface with an image, which answers as a test wants.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::stream;
use hearth_base::{Digest, Error, Result};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};

use super::compute_digest;
use crate::app::manifest_format::OCI_MANIFEST;

/// Way in which the registry answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RegistryMood {
    /// With the content.
    #[default]
    Usual,
    /// With an error.
    Failing,
    /// With the status 429.
    Exhausted,
    /// With other bytes than those of the digest.
    Lying,
    /// With a body without an end.
    Endless,
    /// With a redirect to `redirect_target`.
    Redirecting,
}

/// Sign-in that the registry wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WantedSignIn {
    #[default]
    None,
    Basic,
    Token,
}

/// Content and behaviour of the registry.
#[derive(Default)]
pub struct RegistryContent {
    pub mood: RegistryMood,
    pub sign_in: WantedSignIn,
    /// Manifests by tag or digest, and blobs by digest.
    manifests: BTreeMap<String, Bytes>,
    blobs: BTreeMap<String, Bytes>,
    pub redirect_target: String,
    /// Received requests: `HEAD manifests/latest`.
    pub requests: Vec<String>,
    /// Received headers `Authorization`.
    pub credentials: Vec<String>,
}

impl RegistryContent {
    fn record_credential(&mut self, headers: &HeaderMap) {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        self.credentials.extend(given.map(str::to_owned));
    }
}

/// A registry.
pub struct UpstreamRegistry {
    pub authority: String,
    content: Arc<Mutex<RegistryContent>>,
    _server: JoinSet<()>,
}

type SharedContent = Arc<Mutex<RegistryContent>>;

impl UpstreamRegistry {
    /// Starts an empty registry.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
        let authority = listener.local_addr().map_err(Error::internal)?.to_string();
        let content = SharedContent::default();
        let router = Router::new()
            .route("/token", get(give_token))
            .fallback(answer)
            .with_state((authority.clone(), content.clone()));
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { authority, content, _server: server })
    }

    pub fn lock_content(&self) -> MutexGuard<'_, RegistryContent> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_mood(&self, mood: RegistryMood) {
        self.lock_content().mood = mood;
    }

    /// Takes the received requests.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.lock_content().requests)
    }

    /// Adds an image of one layer under a tag. Returns the digests of the manifest and of the layer.
    pub fn add_image(&self, tag: &str, layer: &[u8]) -> (Digest, Digest) {
        let config = super::build_image_config(layer);
        let descriptor = |media_type: &str, content: &[u8]| json!({"mediaType": media_type, "size": content.len(), "digest": compute_digest(content)});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        });
        let manifest = Bytes::from(manifest.to_string());
        let (digest, layer_digest) = (compute_digest(&manifest), compute_digest(layer));
        let mut content = self.lock_content();
        content.blobs.insert(compute_digest(&config).to_string(), config.into());
        content.blobs.insert(layer_digest.to_string(), Bytes::copy_from_slice(layer));
        content.manifests.insert(tag.to_owned(), manifest.clone());
        content.manifests.insert(digest.to_string(), manifest);
        (digest, layer_digest)
    }

    pub fn remove_tag(&self, tag: &str) {
        self.lock_content().manifests.remove(tag);
    }
}

/// Basic authentication of `hearth` with the password `secret`.
const BASIC_CREDENTIAL: &str = "Basic aGVhcnRoOnNlY3JldA==";

async fn give_token(State((_, content)): State<(String, SharedContent)>, headers: HeaderMap) -> Response {
    content.lock().unwrap_or_else(PoisonError::into_inner).record_credential(&headers);
    match headers.get(header::AUTHORIZATION).is_some_and(|value| value == BASIC_CREDENTIAL) {
        true => Json(json!({"token": "token-of-the-test", "expires_in": 300})).into_response(),
        false => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn answer(State((authority, content)): State<(String, SharedContent)>, request: Request) -> Response {
    let mut content = content.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(path) = request.uri().path().strip_prefix("/v2/library/tool/") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    content.record_credential(request.headers());
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (wanted, challenge) = match content.sign_in {
        WantedSignIn::None => (None, String::new()),
        WantedSignIn::Basic => (Some(BASIC_CREDENTIAL), "Basic realm=\"test\"".to_owned()),
        WantedSignIn::Token => (
            Some("Bearer token-of-the-test"),
            format!(
                "Bearer realm=\"http://{authority}/token\",service=\"test\",scope=\"repository:library/tool:pull\""
            ),
        ),
    };
    if wanted != given {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    }
    content.requests.push(format!("{} {path}", request.method()));
    let found = match path.split_once('/') {
        Some(("manifests", reference)) => content.manifests.get(reference).cloned(),
        Some(("blobs", digest)) => content.blobs.get(digest).cloned(),
        Some(("tags", "list")) => {
            return (
                [(header::LINK, "<more>; rel=\"next\"")],
                Json(json!({"name": "x", "tags": ["a", "b", "no tag"]})),
            )
                .into_response();
        }
        _ => None,
    };
    match (content.mood, found) {
        (RegistryMood::Failing, _) => StatusCode::BAD_GATEWAY.into_response(),
        (RegistryMood::Exhausted, _) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "77")]).into_response()
        }
        (RegistryMood::Redirecting, _) => {
            (StatusCode::FOUND, [(header::LOCATION, content.redirect_target.clone())]).into_response()
        }
        (_, None) => StatusCode::NOT_FOUND.into_response(),
        (RegistryMood::Usual, Some(found)) => render_content(&found, &found),
        (RegistryMood::Lying, Some(found)) => {
            let other: Vec<u8> = found.iter().map(|byte| byte ^ 1).collect();
            render_content(&found, &other)
        }
        (RegistryMood::Endless, Some(_)) => {
            let endless = stream::repeat_with(|| Ok::<_, Error>(Bytes::from_static(&[0; 4096])));
            Body::from_stream(endless).into_response()
        }
    }
}

/// Renders `sent` as the content with the digest of `named`.
fn render_content(named: &Bytes, sent: &[u8]) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), OCI_MANIFEST.to_owned()),
        ("docker-content-digest", compute_digest(named).to_string()),
    ];
    (headers, Bytes::copy_from_slice(sent)).into_response()
}
